import { callChain, groupBy, type Launched } from "./launches.ts";
import type { Norm } from "./norm.ts";
import { letter, sizes } from "./op-by-op.ts";
import { elements, isSame, shapeOf, typeOf } from "./shapes.ts";

/** The module of a norm, where the run recorded its modules (`with_stack`, `with_modules`): all in it is the norm. */
const MODULE = /^nn\.Module: \w*?(?:RMS_?Norm|LayerNorm)\w*/i;
const NATIVE = /layer_norm|rms_norm/;

export function moduleNorms(launched: readonly Launched[]): Norm[] {
  const inside = launched.flatMap((one) => {
    const module = callChain(one.call).find(({ name }) => MODULE.test(name));
    return module === undefined ? [] : [{ one, module }];
  });
  return [...groupBy(inside, ({ module }) => module)].map(([module, found]) =>
    moduleNorm(
      module.name,
      found.map(({ one }) => one),
    ),
  );
}

function moduleNorm(name: string, launched: readonly Launched[]): Norm {
  const tensors = launched.flatMap(({ call }) =>
    call === undefined
      ? []
      : [0, 1].map((index) => ({ shape: shapeOf(call.operator, index), type: typeOf(call.operator, index) })),
  );
  const rows = tensors.reduce<(typeof tensors)[number]["shape"]>(
    (most, { shape }) => (shape !== undefined && elements(shape) > elements(most ?? [0]) ? shape : most),
    undefined,
  );
  const centred = rows !== undefined && launched.some(({ call }) => call && letter(call, rows) === "s");
  const types = tensors.filter(({ shape }) => isSame(shape, rows)).map(({ type }) => type);
  const native = launched.some(({ call }) => callChain(call).some((one) => NATIVE.test(one.name)));
  return {
    kind: /rms/i.test(name) || (!native && !centred) ? "rmsnorm" : "layernorm",
    implementation: native && launched.length <= 3 ? "native" : launched.length > 3 ? "eager" : "fused",
    direction: "forward",
    ...(rows === undefined ? { rows: null, columns: null } : sizes(rows)),
    dtype: types.find((type) => type === "bf16" || type === "fp16") ?? types[0] ?? null,
    fusedWith: [],
    launched,
  };
}
