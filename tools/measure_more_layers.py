#!/usr/bin/env python3
"""Measure whole layers that measure_gpu.py leaves out: mixtures of experts, fp8, and layers shared by several GPUs.

    python3 measure_more_layers.py -o layers.jsonl [--only experts,narrow,parallel]

Needs PyTorch 2.9 or newer on CUDA. One layer's weights are random; a graph chains CHAIN layers with weights of their own,
so that they come from memory. `seconds` is the median time of one layer, by normalization. Experts are grouped
matmuls behind torch's softmax, top-k, sort and gathers. A layer on several GPUs splits heads and FFN and sums with NCCL
behind both blocks; the norms run on every GPU. In fp8 each projection quantizes its input rows by a Triton kernel and
multiplies with a scale a row and a column (from 256 rows on: below, torch's kernel for it is slow in itself). Rows are
as in measure_gpu.py: `added` is the median of the differences to the layer without norms in the same round, `...Spread`
the 25th and the 75th percentile.
"""

import argparse
import datetime
import json
import os
import statistics

import torch
import torch.distributed as dist
import torch.nn.functional as F

CHAIN, REPLAYS, WARM_UP = 4, 33, 4

MODELS = {
    "mixtral-8x7b": dict(hidden=4096, heads=32, kv=8, dim=128, ffn=14336, experts=8, top=2),
    "qwen3-30b-a3b": dict(hidden=2048, heads=32, kv=4, dim=128, ffn=768, experts=128, top=8, qk_norm=True),
    "llama-3-70b": dict(hidden=8192, heads=64, kv=8, dim=128, ffn=28672),
    "llama-3-8b": dict(hidden=4096, heads=32, kv=8, dim=128, ffn=14336),
}


def random(*shape):
    return (torch.randn(*shape, device="cuda", dtype=torch.float32) * 0.02).to(torch.bfloat16)


def eager_rms(x, weight):
    wide = x.to(torch.float32)
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
    return weight * (wide * scale).to(x.dtype)


NORMS = {
    "none": lambda x, weight: x,
    "rmsnorm.native": lambda x, weight: F.rms_norm(x, (x.shape[-1],), weight, 1e-6),
    # a bias that is no direction all tokens share: they must not all choose the same experts
    "layernorm.native": lambda x, weight: F.layer_norm(x, (x.shape[-1],), weight, weight - 1, 1e-6),
    "rmsnorm.eager": eager_rms,
}


class Layer:
    def __init__(self, m, tokens, phase, context, batch, ranks=1, narrow=False):
        self.m, self.tokens, self.phase, self.ranks, self.narrow = m, tokens, phase, ranks, narrow
        self.heads, self.kv = m["heads"] // ranks, max(1, m["kv"] // ranks)
        hidden, dim, ffn = m["hidden"], m["dim"], m["ffn"] // ranks
        self.batch, self.length = batch, tokens // batch
        self.qkv = random((self.heads + 2 * self.kv) * dim, hidden)
        self.out = random(hidden, self.heads * dim)
        self.norms = [random(hidden) + 1 for _ in range(2)]
        self.head_norms = [random(dim) + 1 for _ in range(2)]
        self.cos, self.sin = random(self.length, dim), random(self.length, dim)
        if phase == "decode":
            self.keys, self.values = (random(batch, self.kv, context, dim) for _ in range(2))
        if "experts" in m:
            self.router = random(m["experts"], hidden)
            # a trained router spreads its tokens; random weights alone send most of them the same way
            self.spread = 10 * torch.randn(tokens, m["experts"], device="cuda")
            self.gate_up = torch.empty(m["experts"], 2 * ffn, hidden, device="cuda", dtype=torch.bfloat16)
            self.down = torch.empty(m["experts"], hidden, ffn, device="cuda", dtype=torch.bfloat16)
            for i in range(m["experts"]):
                self.gate_up[i], self.down[i] = random(2 * ffn, hidden), random(hidden, ffn)
        else:
            self.gate_up, self.down = random(2 * ffn, hidden), random(hidden, ffn)
        if narrow:
            for name in ("qkv", "out", "gate_up", "down"):
                setattr(self, name, getattr(self, name).to(torch.float8_e4m3fn))
        self.scales = torch.ones(1, max(self.qkv.shape[0], 2 * ffn), device="cuda")

    def linear(self, x, weight):
        if not self.narrow:
            return F.linear(x, weight)
        from measure_parts import quantized_rows
        rows, scale = quantized_rows(x.reshape(-1, x.shape[-1]))
        scales = self.scales[:, :weight.shape[0]]
        return torch._scaled_mm(rows, weight.t(), scale_a=scale, scale_b=scales, out_dtype=torch.bfloat16)

    def rope(self, x):
        half = x.shape[-1] // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * self.cos + turned * self.sin

    def attention(self, x, norm):
        dim, kv = self.m["dim"], self.kv
        y = self.linear(x, self.qkv).view(self.batch, self.length, -1, dim)
        q, k, v = (part.transpose(1, 2) for part in y.split((self.heads, kv, kv), dim=2))
        if self.m.get("qk_norm"):
            q, k = norm(q, self.head_norms[0]), norm(k, self.head_norms[1])
        q, k = self.rope(q), self.rope(k)
        if self.phase == "decode":
            self.keys[:, :, -1:], self.values[:, :, -1:] = k, v
            k, v = self.keys, self.values
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.phase == "prefill", enable_gqa=True)
        return self.linear(y.transpose(1, 2).reshape(self.tokens, -1), self.out)

    def experts(self, x):
        top = self.m["top"]
        chances, chosen = torch.softmax(F.linear(x, self.router) + self.spread, dim=-1).topk(top, dim=-1)
        order = torch.sort(chosen.flatten(), stable=True)
        counts = torch.searchsorted(order.values, torch.arange(self.m["experts"], device="cuda"), right=True)
        offsets = counts.to(torch.int32)
        rows = x.index_select(0, order.indices // top)
        both = F.grouped_mm(rows, self.gate_up.transpose(-2, -1), offs=offsets)
        gate, up = both.chunk(2, dim=-1)
        result = F.grouped_mm(F.silu(gate) * up, self.down.transpose(-2, -1), offs=offsets)
        back = torch.empty_like(result).index_copy_(0, order.indices, result)
        return torch.bmm(chances.to(x.dtype).unsqueeze(1), back.view(self.tokens, top, -1)).squeeze(1)

    def dense(self, x):
        gate, up = self.linear(x, self.gate_up).chunk(2, dim=-1)
        return self.linear(F.silu(gate) * up, self.down)

    def reduce(self, x):
        if self.ranks > 1:
            dist.all_reduce(x)
        return x

    def __call__(self, x, norm):
        x = x + self.reduce(self.attention(norm(x, self.norms[0]), norm))
        block = self.experts if "experts" in self.m else self.dense
        return x + self.reduce(block(norm(x, self.norms[1])))


def layer_seconds(layers, x, norm):
    def run():
        y = x
        for layer in layers:
            y = layer(y, norm)

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        run()
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph


def measure(name, phase, batch, sequence, context, ranks=1, narrow=False):
    m = MODELS[name]
    tokens = batch * (sequence if phase == "prefill" else 1)
    chain = 2 if name == "mixtral-8x7b" else CHAIN
    layers = [Layer(m, tokens, phase, context, batch, ranks, narrow) for _ in range(chain)]
    x = random(tokens, m["hidden"])
    graphs = {norm: layer_seconds(layers, x, call) for norm, call in NORMS.items()}
    times = {norm: [] for norm in graphs}
    for _ in range(REPLAYS):
        for norm, graph in graphs.items():
            if ranks > 1:
                dist.barrier()
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            times[norm].append(start.elapsed_time(end) * 1e-3 / chain)
    times = {norm: values[WARM_UP:] for norm, values in times.items()}
    added = {norm: [one - none for one, none in zip(values, times["none"])] for norm, values in times.items() if norm != "none"}
    shape = {"hidden": m["hidden"], "heads": m["heads"], "kvHeads": m["kv"], "headDim": m["dim"], "ffn": m["ffn"], "gated": True,
             "bias": "none", "positions": "rope", "causal": True, "qkNorm": bool(m.get("qk_norm"))}
    if "experts" in m:
        shape["experts"] = {"count": m["experts"], "perToken": m["top"], "ffn": m["ffn"]}
    return {"kind": "layer", "model": name, "shape": shape, "phase": phase, "batch": batch,
            "sequence": sequence if phase == "prefill" else 1, "context": context if phase == "decode" else 0,
            "dtype": "fp8" if narrow else "bf16",
            "runtime": "graph", "pointwise": "eager", "tensor": ranks, "layers": chain,
            "seconds": {norm: significant(statistics.median(values)) for norm, values in times.items()},
            "spread": {norm: quartiles(values) for norm, values in times.items()},
            "added": {norm: significant(statistics.median(values)) for norm, values in added.items()},
            "addedSpread": {norm: quartiles(values) for norm, values in added.items()}}


def significant(value):
    return float(f"{value:.4g}")


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4)
    return [significant(low), significant(high)]


CASES = [("prefill", 1, 512, 0), ("prefill", 1, 4096, 0), ("decode", 1, 1, 2048), ("decode", 16, 1, 2048), ("decode", 64, 1, 2048)]

NARROW_CASES = [("prefill", 1, 512, 0), ("prefill", 1, 1024, 0), ("prefill", 1, 4096, 0), ("decode", 256, 1, 1024)]


def worker(rank, ranks, path):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29513")
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=ranks, device_id=torch.device("cuda", rank))
    with open(path if rank == 0 else "/dev/null", "a") as out:
        for name in ("llama-3-70b", "llama-3-8b"):
            for case in CASES:
                print(json.dumps(measure(name, *case, ranks=ranks)), file=out, flush=True)
                torch.cuda.empty_cache()
    dist.destroy_process_group()


def environment():
    device = torch.cuda.get_device_properties(0)
    return {"kind": "environment", "schemaVersion": 1, "gpu": device.name, "computeUnits": device.multi_processor_count,
            "l2Bytes": device.L2_cache_size, "torch": torch.__version__, "cuda": torch.version.cuda,
            "date": datetime.date.today().isoformat()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--only", default="experts,narrow,parallel")
    options = parser.parse_args()
    with open(options.output, "w") as out:
        print(json.dumps(environment()), file=out, flush=True)
        if "experts" in options.only:
            for name in ("mixtral-8x7b", "qwen3-30b-a3b"):
                for case in CASES:
                    torch.manual_seed(0)
                    print(json.dumps(measure(name, *case)), file=out, flush=True)
                    torch.cuda.empty_cache()
        if "narrow" in options.only:
            for name in ("llama-3-70b", "llama-3-8b"):
                for case in NARROW_CASES:
                    print(json.dumps(measure(name, *case, narrow=True)), file=out, flush=True)
                    torch.cuda.empty_cache()
    if "parallel" in options.only and torch.cuda.device_count() > 1:
        ranks = torch.cuda.device_count()
        torch.multiprocessing.spawn(worker, args=(ranks, options.output), nprocs=ranks)


if __name__ == "__main__":
    main()
