import type { HostOperator } from "../schema/profile.ts";
import { callChain, groupBy, type Launched } from "./launches.ts";
import type { Norm } from "./norm.ts";

/**
 * What autograd ran for norms: its nodes carry the sequence number of the operator that made them, and are called after
 * it (`aten::pow` and `PowBackward0`). An operator that made no node has the number of the next one that did, so the
 * name must agree too. Gradients that are added up inside a node count as its own.
 */
export function backwardNorms(forward: readonly Norm[], launched: readonly Launched[]): Norm[] {
  const madeBy = new Map(
    forward.flatMap((norm) => nodesOf(norm).map((node): [string, Norm] => [node, norm])),
  );
  const ran = groupBy(
    launched.flatMap((one) => {
      const node = nodeOf(one);
      const norm = node === undefined ? undefined : madeBy.get(node);
      return norm === undefined ? [] : [{ norm, one }];
    }),
    ({ norm }) => norm,
  );
  return [...ran].map(([norm, found]) => ({
    ...norm,
    direction: "backward" as const,
    launched: found.map(({ one }) => one),
  }));
}

function nodesOf({ launched }: Norm): string[] {
  return launched.flatMap(({ call }) =>
    callChain(call)
      .filter(({ sequence, name }) => sequence !== undefined && name.startsWith("aten::"))
      .map(({ sequence, name }) => nodeName(sequence!, name.slice("aten::".length))),
  );
}

const NODE = /(\w+?)Backward\d+$/;

function nodeOf({ call }: Launched): string | undefined {
  const node = callChain(call).find(isNode);
  return node && nodeName(node.sequence!, NODE.exec(node.name)![1]!);
}

const isNode = ({ sequence, name }: HostOperator): boolean => sequence !== undefined && NODE.test(name);

const nodeName = (sequence: number, name: string): string =>
  `${sequence} ${name.replaceAll("_", "").toLowerCase()}`;

/** Whether autograd called this, eager or compiled. */
export const isBackward = ({ call }: Launched): boolean =>
  callChain(call).some(({ name }) => /Backward\d*$/.test(name));
