#!/usr/bin/env python3
"""Measure what measure_gpu.py leaves out: experts, narrow types, links between GPUs.

    python3 measure_parts.py -o parts.jsonl [--only experts,narrow,routing,attention,links]

Needs PyTorch 2.9 or newer on CUDA; links are measured between all GPUs that are there, with NCCL.
The result is JSON Lines in SI base units. `seconds` is the median over replays of a CUDA graph of
several calls, divided by their number; weights rotate through copies of more than twice the L2.
All inputs are random numbers: zeros draw less power and run faster.
"""

import argparse
import json
import statistics
import sys

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

L2_BYTES = 60e6
CALLS, REPLAYS = 8, 25


def graph_seconds(call, calls=CALLS, replays=REPLAYS):
    """Median seconds of one call; `call(i)` gets the number of the call for rotating operands."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for i in range(3):
            call(i)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(calls):
            call(i)
    graph.replay()
    torch.cuda.synchronize()
    times = []
    for _ in range(replays):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) * 1e-3 / calls)
    return statistics.median(times)


def random(*shape, dtype=torch.bfloat16):
    return torch.randn(*shape, device="cuda", dtype=torch.float32).mul_(0.05).to(dtype)


def copies(bytes_each):
    return max(1, min(CALLS, int(2 * L2_BYTES / bytes_each) + 1))


# experts: name, hidden, ffn, experts, per token
EXPERT_SHAPES = [
    ("Mixtral 8x7B", 4096, 14336, 8, 2),
    ("Qwen3 30B-A3B", 2048, 768, 128, 8),
    ("DeepSeek-V3", 7168, 2048, 256, 8),
    ("gpt-oss 20B", 2880, 2880, 32, 4),
]


def experts():
    for name, hidden, ffn, count, per_token in EXPERT_SHAPES:
        for n, k in ((2 * ffn, hidden), (hidden, ffn)):
            sets = copies(count * n * k * 2)
            weights = [torch.empty(count, n, k, device="cuda", dtype=torch.bfloat16) for _ in range(sets)]
            for weight in weights:
                for i in range(count):
                    weight[i] = random(n, k)
            for tokens in (1, 8, 32, 128, 512, 2048, 8192):
                torch.manual_seed(tokens)
                scores = torch.rand(tokens, count, device="cuda")
                chosen = scores.topk(per_token, dim=1).indices.flatten()
                counts = torch.bincount(chosen, minlength=count)
                offsets = counts.cumsum(0).to(torch.int32)
                touched = int((counts > 0).sum())
                inputs = random(tokens * per_token, k)

                def call(i):
                    return F.grouped_mm(inputs, weights[i % sets].transpose(-2, -1), offs=offsets)

                row = {"kind": "grouped-gemm", "model": name, "tokens": tokens, "experts": count,
                       "perToken": per_token, "touched": touched, "rows": tokens * per_token,
                       "mostRows": int(counts.max()), "n": n, "k": k, "dtype": "bf16"}
                yield row, lambda: graph_seconds(call)
            del weights
            torch.cuda.empty_cache()


def routing():
    for name, hidden, ffn, count, per_token in EXPERT_SHAPES:
        for tokens in (1, 32, 512, 4096):
            logits, x = random(tokens, count, dtype=torch.float32), random(tokens, hidden)
            expanded = random(tokens * per_token, hidden)
            order = torch.randperm(tokens * per_token, device="cuda")
            rows = order // per_token
            flat = torch.randint(0, count, (tokens * per_token,), device="cuda", dtype=torch.int32)
            gates = random(tokens, per_token)
            steps = {
                "softmax": lambda i: torch.softmax(logits, dim=1),
                "top-k": lambda i: torch.topk(logits, per_token, dim=1),
                "sort": lambda i: torch.sort(flat, stable=True),
                "gather": lambda i: x.index_select(0, rows),
                "scatter": lambda i: expanded.index_select(0, order),
                "weight-and-sum": lambda i: torch.bmm(gates.unsqueeze(1), expanded.view(tokens, per_token, hidden)),
            }
            for step, call in steps.items():
                row = {"kind": "routing", "step": step, "model": name, "tokens": tokens, "hidden": hidden,
                       "experts": count, "perToken": per_token}
                yield row, lambda: graph_seconds(call)


NARROW_SHAPES = [(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672), (6144, 4096), (28672, 4096), (4096, 14336)]


def narrow():
    for n, k in NARROW_SHAPES:
        for m in (16, 64, 256, 1024, 4096, 8192):
            for dtype in ("bf16", "fp8", "fp8-rowwise", "int8"):
                row = {"kind": "gemm", "m": m, "n": n, "k": k, "dtype": dtype}
                yield row, lambda: graph_seconds(matmul(m, n, k, dtype))
    for rows in (1, 16, 256, 2048, 8192):
        for columns in (4096, 8192, 28672):
            for step, call in quantizers(rows, columns).items():
                yield {"kind": "quantize", "step": step, "rows": rows, "columns": columns}, lambda: graph_seconds(call)


def matmul(m, n, k, dtype):
    sets = copies(n * k * (2 if dtype == "bf16" else 1))
    if dtype == "bf16":
        x, weights = random(m, k), [random(n, k) for _ in range(sets)]
        return lambda i: F.linear(x, weights[i % sets])
    if dtype == "int8":
        x = torch.randint(-99, 99, (m, k), device="cuda", dtype=torch.int8)
        weights = [torch.randint(-99, 99, (n, k), device="cuda", dtype=torch.int8) for _ in range(sets)]
        return lambda i: torch._int_mm(x, weights[i % sets].t())
    x = random(m, k).to(torch.float8_e4m3fn)
    weights = [random(n, k).to(torch.float8_e4m3fn) for _ in range(sets)]
    rowwise = dtype == "fp8-rowwise"
    a = torch.ones(m, 1, device="cuda") if rowwise else torch.ones((), device="cuda")
    b = torch.ones(1, n, device="cuda") if rowwise else torch.ones((), device="cuda")
    return lambda i: torch._scaled_mm(x, weights[i % sets].t(), scale_a=a, scale_b=b, out_dtype=torch.bfloat16)


@triton.jit
def quantize_kernel(x, y, scale, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    value = tl.load(x + row * columns + at, mask=at < columns, other=0.0).to(tl.float32)
    largest = tl.maximum(tl.max(tl.abs(value), axis=0), 1e-6)
    tl.store(scale + row, largest / 448.0)
    tl.store(y + row * columns + at, (value * (448.0 / largest)).to(tl.float8e4nv), mask=at < columns)


@triton.jit
def rmsnorm_kernel(x, weight, y, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    value = tl.load(x + row * columns + at, mask=at < columns, other=0.0).to(tl.float32)
    root = tl.rsqrt(tl.sum(value * value, axis=0) / columns + 1e-6)
    gain = tl.load(weight + at, mask=at < columns, other=0.0).to(tl.float32)
    tl.store(y + row * columns + at, (value * root * gain).to(tl.bfloat16), mask=at < columns)


@triton.jit
def norm_quantize_kernel(x, weight, y, scale, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    value = tl.load(x + row * columns + at, mask=at < columns, other=0.0).to(tl.float32)
    root = tl.rsqrt(tl.sum(value * value, axis=0) / columns + 1e-6)
    gain = tl.load(weight + at, mask=at < columns, other=0.0).to(tl.float32)
    normed = value * root * gain
    largest = tl.maximum(tl.max(tl.abs(normed), axis=0), 1e-6)
    tl.store(scale + row, largest / 448.0)
    tl.store(y + row * columns + at, (normed * (448.0 / largest)).to(tl.float8e4nv), mask=at < columns)


def quantizers(rows, columns):
    x, weight = random(rows, columns), random(columns)
    y = torch.empty(rows, columns, device="cuda", dtype=torch.float8_e4m3fn)
    wide = torch.empty(rows, columns, device="cuda", dtype=torch.bfloat16)
    scale = torch.empty(rows, device="cuda")
    block = triton.next_power_of_2(columns)
    warps = 8 if block <= 8192 else 16
    return {
        "per-token": lambda i: quantize_kernel[(rows,)](x, y, scale, columns, block, num_warps=warps),
        "rmsnorm": lambda i: rmsnorm_kernel[(rows,)](x, weight, wide, columns, block, num_warps=warps),
        "rmsnorm-and-quantize": lambda i: norm_quantize_kernel[(rows,)](
            x, weight, y, scale, columns, block, num_warps=warps),
    }


def attention():
    """Prefill with wider keys than values (latent attention), causal, through cuDNN."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    for heads, key, value in ((128, 192, 128), (16, 192, 128), (64, 128, 128)):
        for length in (512, 2048, 8192):
            q, k = random(1, heads, length, key), random(1, heads, length, key)
            v = random(1, heads, length, value)

            def call(i):
                with sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION]):
                    return F.scaled_dot_product_attention(q, k, v, is_causal=True)

            row = {"kind": "attention", "heads": heads, "keyDim": key, "valueDim": value, "sequence": length}
            yield row, lambda: graph_seconds(call, calls=4)


LINK_BYTES = [2**e for e in range(10, 29, 2)] + [2**17, 2**19, 2**21, 2**23, 2**25]


def link_worker(rank, ranks, path):
    import os

    import torch.distributed as dist

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=ranks)
    with open(path if rank == 0 else "/dev/null", "a") as out:
        for size in sorted(LINK_BYTES):
            whole = torch.randn(size // 2, device="cuda").to(torch.bfloat16)
            shard = torch.randn(size // 2 // ranks, device="cuda").to(torch.bfloat16)
            operations = {
                "all-reduce": lambda: dist.all_reduce(whole),
                "all-gather": lambda: dist.all_gather_into_tensor(whole, shard),
                "reduce-scatter": lambda: dist.reduce_scatter_tensor(shard, whole),
                "all-to-all": lambda: dist.all_to_all_single(other, whole),
            }
            other = torch.empty_like(whole)
            for operation, call in operations.items():
                dist.barrier()
                seconds = graph_seconds(lambda i: call(), calls=20, replays=15)
                row = {"kind": "collective", "operation": operation, "ranks": ranks, "messageBytes": size,
                       "seconds": seconds, "runtime": "graph"}
                out.write(json.dumps(row) + "\n")
                out.flush()
    dist.destroy_process_group()


def links(path):
    ranks = torch.cuda.device_count()
    if ranks < 2:
        print("links: only one GPU", file=sys.stderr)
        return
    torch.multiprocessing.spawn(link_worker, args=(ranks, path), nprocs=ranks)


GROUPS = {"experts": experts, "narrow": narrow, "routing": routing, "attention": attention}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--only", default="experts,narrow,routing,attention,links")
    options = parser.parse_args()
    wanted = options.only.split(",")
    with open(options.output, "w") as out:
        device = torch.cuda.get_device_properties(0)
        print(json.dumps({"kind": "environment", "gpu": device.name, "torch": torch.__version__,
                          "gpus": torch.cuda.device_count()}), file=out)
        for name, group in GROUPS.items():
            if name not in wanted:
                continue
            for row, measure in group():
                try:
                    row["seconds"] = measure()
                except Exception as error:  # a type or shape that this GPU or version lacks
                    row["problem"] = str(error).splitlines()[0][:120]
                print(json.dumps(row), file=out, flush=True)
    if "links" in wanted:
        links(options.output)


if __name__ == "__main__":
    main()
