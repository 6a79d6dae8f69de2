/**
 * Counting by walking: a kernel is written as the loops it runs, every operation and every element it touches is
 * reported, and what comes out is how many of each there were. Slow on purpose: nothing here multiplies sizes.
 */
export interface Count {
  readonly flops: number;
  readonly readBytes: number;
  readonly writeBytes: number;
}

/** Says that the element at an index was touched; an element counts once, however often it is. */
export type Touch = (index: number) => void;

export interface Walk {
  readonly operations: (count: number) => void;
  readonly reads: (elements: number, bytesPerElement: number) => Touch;
  readonly writes: (elements: number, bytesPerElement: number) => Touch;
}

interface Tensor {
  readonly touched: Uint8Array;
  readonly bytesPerElement: number;
}

/** The count of one kernel; `constantBytes` are read whatever the size. */
export function walked(loops: (walk: Walk) => void, constantBytes = 0): Count {
  let flops = 0;
  const read: Tensor[] = [];
  const written: Tensor[] = [];
  loops({
    operations: (count) => {
      flops += count;
    },
    reads: (elements, bytesPerElement) => toucher(read, elements, bytesPerElement),
    writes: (elements, bytesPerElement) => toucher(written, elements, bytesPerElement),
  });
  return { flops, readBytes: constantBytes + touchedBytes(read), writeBytes: touchedBytes(written) };
}

function toucher(tensors: Tensor[], elements: number, bytesPerElement: number): Touch {
  const touched = new Uint8Array(elements);
  tensors.push({ touched, bytesPerElement });
  return (index) => {
    if (!(index in touched)) throw new Error(`element ${index} of ${elements}`);
    touched[index] = 1;
  };
}

function touchedBytes(tensors: readonly Tensor[]): number {
  let bytes = 0;
  for (const { touched, bytesPerElement } of tensors)
    for (const mark of touched) bytes += mark * bytesPerElement;
  return bytes;
}

/** Runs a body for 0, 1, ... below a count. */
export function times(count: number, body: (index: number) => void): void {
  for (let index = 0; index < count; index++) body(index);
}
