#!/usr/bin/env python3
"""Measure what measure_gpu.py leaves out: experts, narrow types, quantization, links between GPUs.

    python3 measure_parts.py -o parts.jsonl [--only experts,selection,narrow,quantize,links]

Needs PyTorch 2.9 or newer and Triton on CUDA; links are measured between all GPUs that are there, with NCCL. The result
is JSON Lines in SI base units, rows as in measure_gpu.py, and `norm-roofline calibrate` reads both. `warmSeconds` is the
median over replays of a CUDA graph of several calls, divided by their number; weights rotate through copies of more than
twice the L2. All inputs are random numbers: zeros draw less power and run faster.
"""

import argparse
import datetime
import json
import os
import statistics
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F
import triton
import triton.language as tl

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
    l2_bytes = torch.cuda.get_device_properties(0).L2_cache_size
    return max(1, min(CALLS, int(2 * l2_bytes / bytes_each) + 1))


# hidden, width of an expert, experts, experts per token: Mixtral 8x7B, Qwen3 30B-A3B, DeepSeek-V3, gpt-oss 20B
EXPERT_SHAPES = [(4096, 14336, 8, 2), (2048, 768, 128, 8), (7168, 2048, 256, 8), (2880, 2880, 32, 4)]


def experts():
    for hidden, ffn, count, per_token in EXPERT_SHAPES:
        for n, k in ((2 * ffn, hidden), (hidden, ffn)):
            sets = copies(count * n * k * 2)
            weights = [torch.empty(count, n, k, device="cuda", dtype=torch.bfloat16) for _ in range(sets)]
            for weight in weights:
                for i in range(count):
                    weight[i] = random(n, k)
            for tokens in (1, 8, 32, 128, 512, 2048, 8192):
                torch.manual_seed(tokens)
                chosen = torch.rand(tokens, count, device="cuda").topk(per_token, dim=1).indices.flatten()
                counts = torch.bincount(chosen, minlength=count)
                offsets = counts.cumsum(0).to(torch.int32)
                inputs = random(tokens * per_token, k)
                row = {"kind": "grouped-gemm", "implementation": "torch.grouped_mm", "dtype": "bf16", "tokens": tokens,
                       "experts": count, "perToken": per_token, "touched": int((counts > 0).sum()), "n": n, "k": k}
                yield row, lambda i: F.grouped_mm(inputs, weights[i % sets].transpose(-2, -1), offs=offsets)
            del weights
            torch.cuda.empty_cache()


def selection():
    for _, _, count, per_token in EXPERT_SHAPES:
        for tokens in (1, 32, 512, 4096):
            scores = random(tokens, count, dtype=torch.float32)
            flat = torch.randint(0, count, (tokens * per_token,), device="cuda", dtype=torch.int32)
            row = {"kind": "selection", "dtype": "fp32"}
            yield ({**row, "implementation": "torch.topk", "step": "top-k", "elements": tokens * count},
                   lambda i: torch.topk(scores, per_token, dim=1))
            yield ({**row, "implementation": "torch.sort", "step": "sort", "elements": tokens * per_token},
                   lambda i: torch.sort(flat, stable=True))


NARROW_SHAPES = [(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672), (6144, 4096), (28672, 4096), (4096, 14336)]


def narrow():
    for n, k in NARROW_SHAPES:
        for m in (16, 64, 256, 1024, 4096, 8192):
            row = {"kind": "gemm", "m": m, "n": n, "k": k, "role": "forward"}
            yield {**row, "implementation": "torch._scaled_mm", "dtype": "fp8"}, scaled_matmul(m, n, k, False)
            # with fewer rows torch's kernel for a scale a row is slow in itself
            if m >= 256:
                yield ({**row, "implementation": "torch._scaled_mm, a scale a row", "dtype": "fp8"},
                       scaled_matmul(m, n, k, True))
            if m > 16:
                yield {**row, "implementation": "torch._int_mm", "dtype": "int8"}, integer_matmul(m, n, k)


def scaled_matmul(m, n, k, rowwise):
    x = random(m, k).to(torch.float8_e4m3fn)
    weights = [random(n, k).to(torch.float8_e4m3fn) for _ in range(copies(n * k))]
    a = torch.ones(m, 1, device="cuda") if rowwise else torch.ones((), device="cuda")
    b = torch.ones(1, n, device="cuda") if rowwise else torch.ones((), device="cuda")
    return lambda i: torch._scaled_mm(
        x, weights[i % len(weights)].t(), scale_a=a, scale_b=b, out_dtype=torch.bfloat16)


def integer_matmul(m, n, k):
    x = torch.randint(-99, 99, (m, k), device="cuda", dtype=torch.int8)
    weights = [torch.randint(-99, 99, (n, k), device="cuda", dtype=torch.int8) for _ in range(copies(n * k))]
    return lambda i: torch._int_mm(x, weights[i % len(weights)].t())


@triton.jit
def quantize_kernel(x, y, scale, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    value = tl.load(x + row * columns + at, mask=at < columns, other=0.0).to(tl.float32)
    largest = tl.maximum(tl.max(tl.abs(value), axis=0), 1e-6)
    tl.store(scale + row, largest / 448.0)
    tl.store(y + row * columns + at, (value * (448.0 / largest)).to(tl.float8e4nv), mask=at < columns)


def quantized_rows(x):
    """Rows in fp8 and the scale of each."""
    rows, columns = x.shape
    y, scale = torch.empty_like(x, dtype=torch.float8_e4m3fn), torch.empty(rows, 1, device=x.device)
    block = triton.next_power_of_2(columns)
    quantize_kernel[(rows,)](x, y, scale, columns, block, num_warps=8 if block <= 8192 else 16)
    return y, scale


def quantize():
    for rows in (1, 16, 256, 2048, 8192):
        for columns in (4096, 8192, 28672):
            x, scale = random(rows, columns), torch.empty(rows, device="cuda")
            y = torch.empty(rows, columns, device="cuda", dtype=torch.float8_e4m3fn)
            block = triton.next_power_of_2(columns)
            warps = 8 if block <= 8192 else 16
            row = {"kind": "quantize", "implementation": "triton.per-token", "dtype": "bf16", "rows": rows, "columns": columns}
            yield row, lambda i: quantize_kernel[(rows,)](x, y, scale, columns, block, num_warps=warps)


GROUPS = {"experts": experts, "selection": selection, "narrow": narrow, "quantize": quantize}

LINK_BYTES = [2**10, 2**12, 2**14, *(2**e for e in range(16, 27)), 2**28]


def link_worker(rank, ranks, path):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", rank=rank, world_size=ranks, device_id=torch.device("cuda", rank))
    with open(path if rank == 0 else os.devnull, "a") as out:
        for size in LINK_BYTES:
            whole = random(size // 2)
            other, shard = torch.empty_like(whole), random(size // 2 // ranks)
            operations = {
                "all-reduce": lambda: dist.all_reduce(whole),
                "all-gather": lambda: dist.all_gather_into_tensor(whole, shard),
                "reduce-scatter": lambda: dist.reduce_scatter_tensor(shard, whole),
                "all-to-all": lambda: dist.all_to_all_single(other, whole),
            }
            for operation, call in operations.items():
                dist.barrier()
                seconds = graph_seconds(lambda i: call(), calls=20, replays=15)
                write({"kind": "collective", "implementation": "NCCL", "dtype": "bf16", "operation": operation,
                       "ranks": ranks, "messageBytes": size}, seconds, out)
    dist.destroy_process_group()


def write(row, seconds, out):
    print(json.dumps({**row, "warmSeconds": float(f"{seconds:.4g}")}), file=out, flush=True)


def environment():
    device = torch.cuda.get_device_properties(0)
    return {"kind": "environment", "schemaVersion": 1, "gpu": device.name, "computeUnits": device.multi_processor_count,
            "l2Bytes": device.L2_cache_size, "torch": torch.__version__, "cuda": torch.version.cuda,
            "triton": triton.__version__, "date": datetime.date.today().isoformat()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--only", default=",".join([*GROUPS, "links"]))
    options = parser.parse_args()
    wanted = options.only.split(",")
    with open(options.output, "w") as out:
        print(json.dumps(environment()), file=out, flush=True)
        for name in [name for name in GROUPS if name in wanted]:
            for row, call in GROUPS[name]():
                try:
                    write(row, graph_seconds(call), out)
                except Exception as error:  # a type or a shape that this GPU or version lacks
                    print(f"{name}: left out {row}: {str(error).splitlines()[0]}", file=sys.stderr)
    ranks = torch.cuda.device_count()
    if "links" in wanted and ranks > 1:
        torch.multiprocessing.spawn(link_worker, args=(ranks, options.output), nprocs=ranks)


if __name__ == "__main__":
    main()
