#!/usr/bin/env python3
"""Measure a GPU for calibrating the norm-roofline simulator.

    python3 measure_gpu.py -o my-gpu.jsonl [--minutes 9] [--only gemm,norm] [--quick]

Needs PyTorch on CUDA or ROCm. With Triton, the fused kernels are measured too. The result is
JSON Lines: an `environment` row, one row per case, and an `environment-after` row. Every
quantity is in SI base units, with the unit in its name. Rows are written as they are measured,
the most important cases first; what does not fit into --minutes is skipped and listed.

Timings of operator rows (medians; `...Spread` is the 25th and the 75th percentile):

warmSeconds   Mean time of a call in a CUDA graph of many identical calls. Activations keep their
              place, so those that fit are found in the L2 cache. GEMM weights and the KV cache of
              decode attention rotate through copies of more than four times the L2, as in a model.
coldSeconds   One call in its own graph, after the L2 was flushed by reading a large buffer,
              minus the same of an empty kernel (`emptyKernelColdSeconds`). It is the kernel's own
              time, without launch overhead: add the floor again to get the raw figure.
layerSeconds  What the call adds inside a layer: a graph of N x [spoiler; producer; call] minus a
              graph of N x [spoiler; producer], divided by N. The spoiler (two skinny GEMMs) reads
              2.5 times the L2 size in weights; the producer writes the call's input, as the
              previous kernel of a layer does. So the input is fresh and all else is cold.

A row with `"mode": "eager"` could not be captured in a graph: its warmSeconds is the time per
call of a plain Python loop, and the other timings are missing.

Shapes: a GEMM is y[m,n] = x[m,k] W[n,k]^T; its gradients are dx = dy W (`gradInput`) and
dW = dy^T x (`gradWeight`), named by the m, n, k of the forward GEMM. `columns` of a pointwise row
is the number of elements per row of its output. A layer's `seconds` is the time of one layer;
`layers` of them, with weights of their own, are chained in a graph or a training step.

Its `seconds` are medians; `added` is the median of the differences to the layer without norms
measured in the same round, which is steadier where the clock drifts, per layer (two norms).

Repetitions of a group of cases are interleaved in random order, so that a drift of the clock
falls on all alike. Layers and GEMMs that are limited by power run for a while before they are
timed. All inputs are random numbers: zeros draw less power and run faster.
"""

import argparse
import gc
import json
import math
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Callable, Optional

import torch
import torch.nn.functional as F

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

DEVICE = torch.device("cuda")
EPSILON = 1e-5
DTYPES = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp8": torch.float8_e4m3fnuz if torch.version.hip else torch.float8_e4m3fn,
}

# ---------------------------------------------------------------------------
# Triton kernels
# ---------------------------------------------------------------------------

if triton:

    @triton.jit
    def norm_forward_kernel(x_pointer, residual_pointer, weight_pointer, bias_pointer, y_pointer,
                            sum_pointer, mean_pointer, rstd_pointer, hidden, epsilon,
                            CENTER: tl.constexpr, RESIDUAL: tl.constexpr, SAVE: tl.constexpr,
                            LATE: tl.constexpr, BLOCK: tl.constexpr):
        """One row per program, kept in registers. CENTER: LayerNorm, else RMSNorm.

        LATE: load weight and bias after the reduction, to keep fewer registers in use.
        """
        row = tl.program_id(0).to(tl.int64)
        columns = tl.arange(0, BLOCK)
        inside = columns < hidden
        offsets = row * hidden + columns
        x = tl.load(x_pointer + offsets, mask=inside, other=0.0).to(tl.float32)
        if RESIDUAL:
            x += tl.load(residual_pointer + offsets, mask=inside, other=0.0).to(tl.float32)
            tl.store(sum_pointer + offsets, x, mask=inside)
        if not LATE:
            weight = tl.load(weight_pointer + columns, mask=inside, other=0.0)
            if CENTER:
                bias = tl.load(bias_pointer + columns, mask=inside, other=0.0)
        if CENTER:
            mean = tl.sum(x) / hidden
            x = tl.where(inside, x - mean, 0.0)
        rstd = tl.rsqrt(tl.sum(x * x) / hidden + epsilon)
        if LATE:
            weight = tl.load(weight_pointer + columns, mask=inside, other=0.0)
            if CENTER:
                bias = tl.load(bias_pointer + columns, mask=inside, other=0.0)
        y = x * rstd * weight.to(tl.float32)
        if CENTER:
            y += bias.to(tl.float32)
        tl.store(y_pointer + offsets, y, mask=inside)
        if SAVE:
            tl.store(rstd_pointer + row, rstd)
            if CENTER:
                tl.store(mean_pointer + row, mean)

    @triton.jit
    def norm_backward_kernel(dy_pointer, x_pointer, weight_pointer, mean_pointer, rstd_pointer,
                             dx_pointer, dweight_pointer, dbias_pointer, rows, hidden,
                             rows_per_program, CENTER: tl.constexpr, BLOCK: tl.constexpr):
        """Input gradient, and per program a partial sum of the weight gradients."""
        program = tl.program_id(0)
        columns = tl.arange(0, BLOCK)
        inside = columns < hidden
        weight = tl.load(weight_pointer + columns, mask=inside, other=0.0).to(tl.float32)
        dweight = tl.zeros([BLOCK], dtype=tl.float32)
        dbias = tl.zeros([BLOCK], dtype=tl.float32)
        first = program * rows_per_program
        for row in range(first, tl.minimum(first + rows_per_program, rows)):
            offsets = row.to(tl.int64) * hidden + columns
            x = tl.load(x_pointer + offsets, mask=inside, other=0.0).to(tl.float32)
            dy = tl.load(dy_pointer + offsets, mask=inside, other=0.0).to(tl.float32)
            rstd = tl.load(rstd_pointer + row)
            if CENTER:
                x -= tl.load(mean_pointer + row)
            x *= rstd
            g = dy * weight
            dx = g - x * (tl.sum(g * x) / hidden)
            if CENTER:
                dx -= tl.sum(g) / hidden
                dbias += dy
            tl.store(dx_pointer + offsets, dx * rstd, mask=inside)
            dweight += dy * x
        tl.store(dweight_pointer + program * hidden + columns, dweight, mask=inside)
        if CENTER:
            tl.store(dbias_pointer + program * hidden + columns, dbias, mask=inside)

    @triton.jit
    def rope_kernel(qkv_pointer, cos_pointer, sin_pointer, row_stride, sequence, heads,
                    HALF: tl.constexpr, HEADS_PER_BLOCK: tl.constexpr):
        """Rotates the first `heads` heads of a row of q, k, v in place."""
        row = tl.program_id(0).to(tl.int64)
        position = row % sequence
        head = tl.program_id(1) * HEADS_PER_BLOCK + tl.arange(0, HEADS_PER_BLOCK)[:, None]
        column = tl.arange(0, HALF)[None, :]
        inside = head < heads
        cosine = tl.load(cos_pointer + position * 2 * HALF + column).to(tl.float32)
        sine = tl.load(sin_pointer + position * 2 * HALF + column).to(tl.float32)
        low = qkv_pointer + row * row_stride + head * 2 * HALF + column
        a = tl.load(low, mask=inside, other=0.0).to(tl.float32)
        b = tl.load(low + HALF, mask=inside, other=0.0).to(tl.float32)
        tl.store(low, a * cosine - b * sine, mask=inside)
        tl.store(low + HALF, b * cosine + a * sine, mask=inside)

    @triton.jit
    def swiglu_kernel(gate_up_pointer, y_pointer, ffn, BLOCK: tl.constexpr):
        """y = silu(gate) * up, gate and up being the halves of a row."""
        row = tl.program_id(0).to(tl.int64)
        columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = columns < ffn
        source = gate_up_pointer + row * 2 * ffn + columns
        gate = tl.load(source, mask=inside, other=0.0).to(tl.float32)
        up = tl.load(source + ffn, mask=inside, other=0.0).to(tl.float32)
        tl.store(y_pointer + row * ffn + columns, gate * tl.sigmoid(gate) * up, mask=inside)


# Of the fused norm, by trial: hidden size rounded up to a power of two: (warps, LATE)
NORM_SETTINGS = {1024: (4, False), 2048: (4, False), 4096: (8, False), 8192: (8, False),
                 16384: (16, True)}


def norm_settings(block):
    return NORM_SETTINGS[max(1024, min(16384, block))]


def triton_norm(x, weight, bias, center, residual=None, save=False):
    """Returns (y, residual sum or None, mean or None, reciprocal standard deviation or None)."""
    hidden = x.shape[-1]
    rows = x.numel() // hidden
    block = triton.next_power_of_2(hidden)
    y = torch.empty_like(x)
    total = torch.empty_like(x) if residual is not None else None
    mean = torch.empty(rows, device=x.device) if save and center else None
    rstd = torch.empty(rows, device=x.device) if save else None
    warps, late = norm_settings(block)
    norm_forward_kernel[(rows,)](
        x, residual, weight, bias, y, total, mean, rstd, hidden, EPSILON, CENTER=center,
        RESIDUAL=residual is not None, SAVE=save, LATE=late, BLOCK=block, num_warps=warps)
    return y, total, mean, rstd


def triton_norm_backward(dy, x, weight, mean, rstd):
    hidden = x.shape[-1]
    rows = x.numel() // hidden
    block = triton.next_power_of_2(hidden)
    programs = min(rows, 2 * torch.cuda.get_device_properties(x.device).multi_processor_count)
    rows_per_program = -(-rows // programs)
    center = mean is not None
    dx = torch.empty_like(x)
    dweight = torch.empty(programs, hidden, device=x.device)
    dbias = torch.empty(programs, hidden, device=x.device) if center else None
    norm_backward_kernel[(programs,)](
        dy, x, weight, mean, rstd, dx, dweight, dbias, rows, hidden, rows_per_program,
        CENTER=center, BLOCK=block, num_warps=norm_settings(block)[0])
    return (dx, dweight.sum(0).to(weight.dtype),
            dbias.sum(0).to(weight.dtype) if center else None)


class FusedNorm(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias, center):
        y, _, mean, rstd = triton_norm(x, weight, bias, center, save=True)
        context.save_for_backward(x, weight, mean, rstd)
        return y

    @staticmethod
    def backward(context, dy):
        return *triton_norm_backward(dy.contiguous(), *context.saved_tensors), None


def rope_fused(qkv, cosine, sine, heads):
    """Rotates the first `heads` heads of every row of qkv in place."""
    head_dim = cosine.shape[-1]
    heads_per_block = 8
    grid = (qkv.shape[0], -(-heads // heads_per_block))
    rope_kernel[grid](qkv, cosine, sine, qkv.stride(0), cosine.shape[0], heads,
                      HALF=head_dim // 2, HEADS_PER_BLOCK=heads_per_block, num_warps=4)
    return qkv


def swiglu_fused(gate_up):
    rows, columns = gate_up.shape
    y = torch.empty(rows, columns // 2, dtype=gate_up.dtype, device=gate_up.device)
    block = 1024
    swiglu_kernel[(rows, -(-y.shape[1] // block))](gate_up, y, y.shape[1], BLOCK=block,
                                                   num_warps=4)
    return y


# ---------------------------------------------------------------------------
# Normalization: every implementation is a function of (x, weight, bias)
# ---------------------------------------------------------------------------


def layernorm_native(x, weight, bias):
    return F.layer_norm(x, weight.shape, weight, bias, EPSILON)


def rmsnorm_native(x, weight, bias):
    return F.rms_norm(x, weight.shape, weight, EPSILON)


def layernorm_fused(x, weight, bias):
    return triton_norm(x, weight, bias, center=True)[0]


def rmsnorm_fused(x, weight, bias):
    return triton_norm(x, weight, None, center=False)[0]


def layernorm_eager(x, weight, bias):
    """Operation by operation in fp32: 12 kernels."""
    value = x.to(torch.float32)
    mean = value.mean(-1, keepdim=True)
    variance = (value - mean).pow(2).mean(-1, keepdim=True)
    value = (value - mean) * torch.rsqrt(variance + EPSILON)
    return weight * value.to(x.dtype) + bias


def rmsnorm_eager(x, weight, bias):
    """Operation by operation, as Hugging Face's LlamaRMSNorm: 8 kernels."""
    value = x.to(torch.float32)
    variance = value.pow(2).mean(-1, keepdim=True)
    value = value * torch.rsqrt(variance + EPSILON)
    return weight * value.to(x.dtype)


def layernorm_residual_fused(delta, residual, weight, bias):
    y, total, _, _ = triton_norm(delta, weight, bias, center=True, residual=residual)
    return total, y


def rmsnorm_residual_fused(delta, residual, weight, bias):
    y, total, _, _ = triton_norm(delta, weight, None, center=False, residual=residual)
    return total, y


def layernorm_fused_training(x, weight, bias):
    return FusedNorm.apply(x, weight, bias, True)


def rmsnorm_fused_training(x, weight, bias):
    return FusedNorm.apply(x, weight, None, False)


NORMS = {
    "layernorm.native": layernorm_native,
    "rmsnorm.native": rmsnorm_native,
    "layernorm.fused": layernorm_fused,
    "rmsnorm.fused": rmsnorm_fused,
    "layernorm.eager": layernorm_eager,
    "rmsnorm.eager": rmsnorm_eager,
}
RESIDUAL_NORMS = {
    "layernorm.residual-fused": layernorm_residual_fused,
    "rmsnorm.residual-fused": rmsnorm_residual_fused,
}
TRAINING_NORMS = {
    "layernorm.native": layernorm_native,
    "rmsnorm.native": rmsnorm_native,
    "layernorm.fused": layernorm_fused_training,
    "rmsnorm.fused": rmsnorm_fused_training,
    "layernorm.eager": layernorm_eager,
    "rmsnorm.eager": rmsnorm_eager,
}


def available(implementation):
    return triton is not None or "fused" not in implementation


# ---------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------


@dataclass
class Case:
    """One row: `fields` name it, `call(i)` enqueues it for the i-th time."""

    fields: dict
    call: Callable[[int], object]
    produce: Optional[Callable[[], object]] = None  # writes its input; asks for layerSeconds
    calls_at_least: int = 1  # calls in the warm graph, so that rotated copies are all used


@dataclass
class Group:
    """Cases measured together; `measure(bench)` yields their rows."""

    name: str
    priority: int
    measure: Callable


class Arena:
    """Random numbers to cut tensors from, so that a case costs no time to set up."""

    def __init__(self, elements, standard_deviation):
        self.standard_deviation = standard_deviation
        self.buffer = self.random(elements, torch.bfloat16)
        self.used = 0

    def random(self, shape, dtype):
        source = torch.bfloat16 if dtype == DTYPES["fp8"] else dtype
        values = torch.empty(shape, dtype=source, device=DEVICE)
        return values.normal_(0, self.standard_deviation).to(dtype)

    def reset(self):
        self.used = 0

    def take(self, *shape, dtype=torch.bfloat16):
        """A tensor disjoint from those taken since the last reset."""
        elements = math.prod(shape)
        if dtype != torch.bfloat16 or self.used + elements > self.buffer.numel():
            return self.random(shape, dtype)
        tensor = self.buffer[self.used : self.used + elements].view(shape)
        self.used += -(-elements // 256) * 256
        return tensor


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive")


def significant(value):
    return float(f"{value:.5g}")


def describe(values, scale=1.0):
    """The median and [25th, 75th percentile] of values times scale."""
    low, middle, high = (significant(value * scale) for value in quartiles(values))
    return middle, [low, high]


def event():
    return torch.cuda.Event(enable_timing=True)


class Bench:
    """The device, its random data and the ways of timing."""

    def __init__(self, quick):
        properties = torch.cuda.get_device_properties(DEVICE)
        self.quick = quick
        self.l2_bytes = properties.L2_cache_size
        self.memory_bytes = properties.total_memory
        self.stream = torch.cuda.Stream()
        torch.cuda.set_stream(self.stream)
        half_gib = 2**28  # elements of 2 bytes
        self.activations = Arena(min(12 * half_gib, self.memory_bytes // 26), 1.0)
        # This scale keeps activations near 1 in layers of any width, with and without norms.
        self.weights = Arena(min(8 * half_gib, self.memory_bytes // 40), 0.006)
        self.flush_buffer = torch.ones(max(self.l2_bytes, 2**27), device=DEVICE)
        self.spoilers = self.make_spoilers()
        for i in range(len(self.spoilers)):
            self.spoil(i)
        self.pool = None
        self.shuffle = random.Random(0).shuffle
        empty = torch.ones(1, device=DEVICE).add_(1)
        self.reset()
        graph = self.capture(lambda i: empty.add_(1), 100)
        self.empty_warm = statistics.median(self.replay([graph], 21)[0]) / 100
        graph = self.capture(lambda i: empty.add_(1), 1)
        self.empty_cold = statistics.median(self.replay_cold([graph], 41)[0])

    def make_spoilers(self):
        """Pairs of skinny GEMMs which read 2.5 times the L2 size of weights.

        There are enough of them that address translations are forgotten as in a large model.
        """
        narrow = 4096
        wide = -(-int(1.25 * self.l2_bytes) // (2 * narrow * 256)) * 256
        count = max(3, min(16, self.memory_bytes // (40 * 4 * narrow * wide)))
        self.spoiler_inputs = (self.activations.random((16, narrow), torch.bfloat16),
                               self.activations.random((16, wide), torch.bfloat16))
        return [(self.weights.random((wide, narrow), torch.bfloat16),
                 self.weights.random((narrow, wide), torch.bfloat16)) for _ in range(count)]

    def spoil(self, i):
        for x, weight in zip(self.spoiler_inputs, self.spoilers[i % len(self.spoilers)]):
            F.linear(x, weight)

    def reset(self):
        """Forget the tensors and graphs of the last group."""
        self.activations.reset()
        self.weights.reset()
        torch.cuda.synchronize()
        gc.collect()
        torch.cuda.empty_cache()
        self.pool = torch.cuda.graph_pool_handle()

    def capture(self, call, calls):
        graph = torch.cuda.CUDAGraph()
        graph.capture_begin(pool=self.pool)
        try:
            for i in range(calls):
                call(i)
        except BaseException:
            try:
                graph.capture_end()
            except RuntimeError:
                pass  # the capture was already invalid
            raise
        graph.capture_end()
        return graph

    def replay(self, graphs, rounds, settle_seconds=0.0):
        """Replays all graphs in turn, `rounds` times. Returns a list of seconds per graph."""
        deadline = time.perf_counter() + settle_seconds
        while True:
            for graph in graphs:
                graph.replay()
            torch.cuda.synchronize()
            if time.perf_counter() > deadline:
                break
        return self.time_in_turn([graph.replay for graph in graphs], rounds)

    def replay_cold(self, graphs, rounds):
        return self.time_in_turn([graph.replay for graph in graphs], rounds, before=self.flush)

    def flush(self, _action):
        self.flush_buffer.sum()

    def time_in_turn(self, actions, rounds, before=None, synchronize=False):
        """Times all actions, `rounds` times, in random order, each after `before(action)`."""
        marks = [[] for _ in actions]
        order = list(zip(actions, marks))
        for _ in range(rounds):
            self.shuffle(order)
            for action, pairs in order:
                if synchronize:
                    torch.cuda.synchronize()
                if before:
                    before(action)
                start, end = event(), event()
                start.record()
                action()
                end.record()
                pairs.append((start, end))
        torch.cuda.synchronize()
        return [[start.elapsed_time(end) / 1e3 for start, end in pairs] for pairs in marks]

    def rounds_for(self, seconds_per_round):
        if self.quick:
            return 5
        return max(5, min(21, int(1.0 / seconds_per_round) | 1))

    def measure_operators(self, cases, settle_seconds=0.02):
        """Yields the rows of the cases, measured in turn."""
        prepared = []
        for case in cases:
            try:
                prepared.append(PreparedCase(self, case))
            except torch.cuda.OutOfMemoryError:
                report(f"out of memory: {case.fields}")
                torch.cuda.empty_cache()
            except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
                row = self.measure_without_graph(case, error)
                if row:
                    yield row
        if not prepared:
            return
        rounds = self.rounds_for(sum(p.estimate * p.warm_calls for p in prepared))
        warm = self.replay([p.warm for p in prepared], rounds, settle_seconds)
        cold = self.replay_cold([p.single for p in prepared], rounds)
        in_layer = self.measure_in_layer([p for p in prepared if p.in_layer])
        for p, warm_seconds, cold_seconds in zip(prepared, warm, cold):
            row = dict(p.case.fields)
            row["warmSeconds"], row["warmSpread"] = describe(warm_seconds, 1 / p.warm_calls)
            cold_seconds = [max(0.0, seconds - self.empty_cold) for seconds in cold_seconds]
            row["coldSeconds"], row["coldSpread"] = describe(cold_seconds)
            if p in in_layer:
                row["layerSeconds"], row["layerSpread"] = in_layer[p]
            yield row

    def measure_in_layer(self, prepared):
        """Differences of graphs with and without the call. Returns {prepared: (median, spread)}."""
        if not prepared:
            return {}
        bases = {}
        for p in prepared:
            key = (p.case.produce, p.layer_calls)
            if key not in bases:
                bases[key] = self.capture(lambda i: (self.spoil(i), p.case.produce()),
                                          p.layer_calls)
        keys = list(bases)
        graphs = [bases[key] for key in keys] + [p.in_layer for p in prepared]
        first = self.time_in_turn([graph.replay for graph in graphs], 3)
        rounds = self.rounds_for(sum(min(seconds) for seconds in first))
        times = self.replay(graphs, rounds)
        results = {}
        for p, with_call in zip(prepared, times[len(keys) :]):
            without = times[keys.index((p.case.produce, p.layer_calls))]
            differences = [a - b for a, b in zip(with_call, without)]
            results[p] = describe(differences, 1 / p.layer_calls)
        return results

    def measure_without_graph(self, case, error):
        """A row timed from a plain Python loop, or None if the case does not run at all."""
        calls = 10
        try:
            for i in range(3):
                case.call(i)
            times = self.time_in_turn([lambda: [case.call(i) for i in range(calls)]], 7,
                                      synchronize=True)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError) as second_error:
            report(f"failed: {case.fields}: {first_line(error)}; {first_line(second_error)}")
            return None
        report(f"not captured: {case.fields}: {first_line(error)}")
        warm, spread = describe(times[0], 1 / calls)
        return {**case.fields, "mode": "eager", "warmSeconds": warm, "warmSpread": spread}


class PreparedCase:
    """A case with its graphs."""

    def __init__(self, bench, case):
        self.case = case
        for i in range(2):
            if case.produce:
                case.produce()
            case.call(i)
        torch.cuda.synchronize()
        self.single = bench.capture(case.call, 1)
        self.estimate = min(bench.replay([self.single], 3)[0])
        target = 3e-4 if bench.quick else 1.5e-3
        calls = max(case.calls_at_least, 2, min(150, round(target / self.estimate)))
        self.warm_calls = calls
        self.warm = bench.capture(case.call, calls)
        self.in_layer = None
        if case.produce:
            self.layer_calls = 20 if self.estimate < 1e-4 else 8 if self.estimate < 4e-4 else 4
            self.in_layer = bench.capture(
                lambda i: (bench.spoil(i), case.produce(), case.call(i)), self.layer_calls)


def report(text):
    print(text, file=sys.stderr, flush=True)


def first_line(error):
    return str(error).split("\n")[0][:160]


# ---------------------------------------------------------------------------
# Operator cases
# ---------------------------------------------------------------------------

MIB = 2**20
BANDWIDTH_BYTES = [2**16, 2**18, 2**20, 2**22] + [
    size * MIB for size in (8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024)]

# model: shapes (n, k), values of m, priority
GEMMS = {
    "llama-3-70b": ([(10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672)],
                    [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192],
                    1),
    "bert-large": ([(3072, 1024), (1024, 1024), (4096, 1024), (1024, 4096)],
                   [1, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384], 3),
    "llama-3-8b": ([(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336)],
                   [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192], 3),
    "qwen2.5-7b": ([(4608, 3584), (3584, 3584), (37888, 3584), (3584, 18944)],
                   [1, 8, 32, 128, 256, 512, 1024, 4096, 8192], 5),
    "gpt2-xl": ([(4800, 1600), (1600, 1600), (6400, 1600), (1600, 6400)],
                [1, 32, 128, 512, 1024, 4096, 8192], 7),
}
# Measured apart, since those limited by memory let the clock rise for those limited by power.
GEMM_M_GROUPS = [(1, 192), (256, 768), (1024, 16384)]
GEMM_GRADIENTS = [("llama-3-70b", [2048, 4096]), ("llama-3-8b", [4096]), ("bert-large", [4096]),
                  ("qwen2.5-7b", [4096])]
GEMM_DTYPES = [  # dtype, shapes (m, n, k)
    ("fp8", [(16, 10240, 8192), (128, 10240, 8192), (1024, 10240, 8192), (4096, 10240, 8192),
             (16, 8192, 28672), (512, 8192, 28672), (4096, 8192, 28672), (4096, 28672, 4096),
             (4096, 4096, 4096), (8192, 57344, 8192)]),
    ("fp16", [(16, 10240, 8192), (512, 8192, 8192), (4096, 8192, 8192), (4096, 4096, 4096),
              (4096, 4096, 1024), (4096, 8192, 28672)]),
    ("tf32", [(16, 4096, 4096), (512, 4096, 4096), (4096, 4096, 4096), (4096, 4096, 1024),
              (4096, 8192, 8192)]),
    ("fp32", [(16, 4096, 4096), (512, 4096, 4096), (4096, 4096, 4096), (4096, 4096, 1024)]),
]

NORM_HIDDENS = [8192, 4096, 1024, 3584, 768, 2048, 5120, 12288, 16384]
NORM_ROWS = [1, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
NORM_ROWS_EAGER = [1, 8, 32, 128, 512, 1024, 2048, 4096, 16384]
NORM_ELEMENTS_AT_MOST = 2**28
NORM_HIDDENS_FIRST = NORM_HIDDENS[:4]
NORM_DTYPES = [("fp16", [(16, 4096), (1024, 1024), (4096, 4096), (4096, 8192)]),
               ("fp32", [(16, 4096), (1024, 1024), (4096, 1024), (4096, 4096), (4096, 8192)])]
NORM_BACKWARD_ROWS = [256, 1024, 4096, 8192, 16384]
NORM_BACKWARD_ROWS_EAGER = [1024, 4096, 16384]
NORM_BACKWARD_HIDDENS = [8192, 1024, 4096, 3584]

HEAD_DIM = 128
FEW_ROWS = [1, 32, 512, 4096]
MORE_ROWS = [1, 8, 32, 128, 512, 1024, 2048, 4096, 8192]
POINTWISE = [  # implementation, columns, rows
    ("add", [8192, 4096, 1024], MORE_ROWS),
    ("silu-chunk", [28672, 14336], MORE_ROWS),
    ("mul-chunk", [28672, 14336], MORE_ROWS),
    ("swiglu-fused", [28672, 14336], MORE_ROWS),
    ("multiply-broadcast", [8192, 1024], MORE_ROWS),
    ("negate-half", [4096, 512], MORE_ROWS),
    ("concatenate-halves", [8192, 1024], MORE_ROWS),
    ("multiply-broadcast-contiguous", [8192, 1024], MORE_ROWS),
    ("add-transposed", [8192, 1024], MORE_ROWS),
    ("rope-fused", [9216], MORE_ROWS),
    ("gelu", [4096, 16384], MORE_ROWS),
    ("kv-cache-copy", [1024], [1, 8, 32, 128]),
    ("bias", [4096, 8192], FEW_ROWS),
    ("silu", [4096, 28672], FEW_ROWS),
    ("mul", [4096, 28672], FEW_ROWS),
    ("relu", [4096, 28672], FEW_ROWS),
    ("cast-to-fp32", [4096, 8192], FEW_ROWS),
    ("cast-to-bf16", [4096, 8192], FEW_ROWS),
]

SOFTMAXES = [(16, 2048), (1024, 512), (8192, 512), (4096, 1024), (16384, 1024), (8192, 2048),
             (32768, 2048), (16384, 4096), (65536, 4096), (128, 32000), (1024, 128256),
             (65536, 128), (131072, 256), (65536, 512), (256, 1024), (4096, 1536), (64, 4096),
             (1024, 4096), (4096, 3072), (256, 8192), (8192, 8192), (4096, 16384), (16, 128256)]

HEADS = {"llama-3-70b": (64, 8, 128), "llama-3-8b": (32, 8, 128), "bert-large": (16, 16, 64),
         "qwen2.5-7b": (28, 4, 128), "wide-heads": (16, 16, 256),
         **{f"heads-of-{width}": (32, 32, width)
            for width in (32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256)},
         "grouped-64": (64, 8, 64), "grouped-80": (32, 8, 80), "grouped-96": (32, 8, 96),
         "grouped-256": (16, 8, 256), "one-key-256": (8, 1, 256)}
HEAD_WIDTHS = [name for name in HEADS if name.startswith("heads-of-")]
GROUPED_HEADS = [name for name in HEADS if name.startswith(("grouped-", "one-key-"))]
ATTENTION_PREFILL = [  # model, causal, (batch, sequence)
    ("llama-3-70b", True, [(1, 128), (1, 512), (2, 1024), (1, 2048), (1, 4096), (8, 512),
                           (1, 8192), (1, 16384)]),
    ("bert-large", False, [(1, 128), (8, 128), (1, 512), (8, 512), (2, 1024), (1, 4096),
                           (1, 8192)]),
    ("llama-3-8b", True, [(1, 512), (1, 4096), (1, 8192)]),
    ("qwen2.5-7b", True, [(1, 512), (1, 4096)]),
    ("wide-heads", True, [(1, 1024), (1, 4096)]),
    *((name, True, [(1, 512), (1, 2048), (1, 4096), (1, 8192)]) for name in HEAD_WIDTHS),
    *((name, True, [(1, 2048), (1, 4096)]) for name in GROUPED_HEADS),
]
ATTENTION_DECODE = [
    ("llama-3-70b", [1, 4, 16, 64, 256], [512, 2048, 8192, 32768]),
    ("bert-large", [1, 16, 128], [512, 2048]),
    ("qwen2.5-7b", [1, 32, 128], [2048]),
    ("wide-heads", [1, 32], [2048]),
    *((name, [4, 32], [2048, 8192]) for name in HEAD_WIDTHS),
    *((name, [1, 16, 64], [2048, 8192]) for name in GROUPED_HEADS),
]
ATTENTION_BACKWARD = [  # model, causal, (batch, sequence)
    ("llama-3-70b", True, [(1, 512), (1, 2048), (1, 4096), (8, 512), (2, 1024), (1, 1024), (1, 8192)]),
    ("bert-large", False, [(8, 512), (1, 4096), (1, 512), (32, 128), (4, 1024), (32, 512)]),
    ("llama-3-8b", True, [(1, 4096), (1, 1024), (4, 2048)]),
    ("qwen2.5-7b", True, [(1, 2048)]),
    ("wide-heads", True, [(1, 4096), (4, 1024)]),
    *((name, True, [(1, 2048), (1, 4096)]) for name in HEAD_WIDTHS),
    *((name, True, [(1, 2048)]) for name in GROUPED_HEADS),
]


def operator_group(name, priority, build, **options):
    """A group of rows whose cases `build(bench)` makes."""

    def measure(bench):
        return bench.measure_operators(build(bench), **options)

    return Group(name, priority, measure)


def bandwidth_groups(quick):
    sizes = BANDWIDTH_BYTES[::5] if quick else BANDWIDTH_BYTES
    for kind in ("copy", "fill", "read"):
        yield operator_group(kind, 0, lambda bench, kind=kind: [
            bandwidth_case(bench, kind, size) for size in sizes])


def bandwidth_case(bench, kind, size):
    source = bench.activations.take(size // 2)
    target = torch.empty_like(source)
    implementation, read, written, call = {
        "copy": ("add-scalar", size, size, lambda i: torch.add(source, 1.0, out=target)),
        "fill": ("fill", 0, size, lambda i: target.fill_(1.0)),
        "read": ("sum", size, 0, lambda i: source.sum()),
    }[kind]
    fields = {"kind": kind, "implementation": implementation, "dtype": "bf16",
              "readBytes": read, "writeBytes": written}
    return Case(fields, call)


def gemm_groups(quick):
    for model, (shapes, ms, priority) in GEMMS.items():
        for n, k in shapes[:1] if quick else shapes:
            for first, last in GEMM_M_GROUPS:
                chosen = [m for m in ms if first <= m <= last]
                yield operator_group(
                    f"gemm {model} {n}x{k} m {first}-{last}", priority,
                    lambda bench, n=n, k=k, chosen=chosen: [
                        gemm_case(bench, m, n, k) for m in (chosen[::4] if quick else chosen)],
                    settle_seconds=0.02 if quick or last < 256 else 0.25)
    for model, ms in [] if quick else GEMM_GRADIENTS:
        for n, k in GEMMS[model][0]:
            yield operator_group(
                f"gemm gradients {model} {n}x{k}", 6,
                lambda bench, n=n, k=k, ms=ms: [
                    gemm_case(bench, m, n, k, role) for m in ms
                    for role in ("gradInput", "gradWeight")], settle_seconds=0.25)
    for dtype, shapes in GEMM_DTYPES:
        chosen = shapes[:2] if quick else shapes
        yield operator_group(
            f"gemm {dtype}", 8,
            lambda bench, dtype=dtype, chosen=chosen: [
                gemm_case(bench, *shape, dtype=dtype) for shape in chosen],
            settle_seconds=0.02 if quick else 0.2)


def gemm_case(bench, m, n, k, role="forward", dtype="bf16"):
    element = DTYPES[dtype]
    copies = -(-4 * bench.l2_bytes // (n * k * element.itemsize)) if role != "gradWeight" else 0
    # fp8 cannot hold numbers as small as the usual weights.
    weight_source = bench.activations if dtype == "fp8" else bench.weights
    weights = [weight_source.take(n, k, dtype=element) for _ in range(copies)]
    x = bench.activations.take(m, k, dtype=element)
    dy = bench.activations.take(m, n, dtype=element) if role != "forward" else None
    one = torch.ones((), device=DEVICE)

    def scaled(i):
        return torch._scaled_mm(x, weights[i % copies].t(), scale_a=one, scale_b=one,
                                out_dtype=torch.bfloat16, use_fast_accum=True)

    def forward(i):
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        return F.linear(x, weights[i % copies])

    def input_gradient(i):
        return torch.mm(dy, weights[i % copies])

    def weight_gradient(i):
        return torch.mm(dy.t(), x)

    roles = {"forward": scaled if dtype == "fp8" else forward, "gradInput": input_gradient,
             "gradWeight": weight_gradient}
    fields = {"kind": "gemm", "implementation": "scaled_mm" if dtype == "fp8" else "linear",
              "dtype": dtype, "m": m, "n": n, "k": k, "role": role}
    return Case(fields, roles[role], calls_at_least=copies)


def norm_groups(quick):
    for hidden in NORM_HIDDENS[:1] if quick else NORM_HIDDENS:
        for rows in NORM_ROWS[::6] if quick else NORM_ROWS:
            if rows * hidden > NORM_ELEMENTS_AT_MOST:
                continue
            eager = quick or rows in NORM_ROWS_EAGER and hidden in NORM_HIDDENS_FIRST
            yield operator_group(
                f"norm {rows}x{hidden}", 2 if hidden in NORM_HIDDENS_FIRST else 4,
                lambda bench, rows=rows, hidden=hidden, eager=eager: norm_cases(
                    bench, rows, hidden, "bf16", eager))
    for dtype, shapes in [] if quick else NORM_DTYPES:
        for rows, hidden in shapes:
            yield operator_group(
                f"norm {dtype} {rows}x{hidden}", 8,
                lambda bench, rows=rows, hidden=hidden, dtype=dtype: norm_cases(
                    bench, rows, hidden, dtype, eager=False))


def norm_parameters(bench, hidden, dtype):
    weight = 1 + 0.1 * bench.activations.random((hidden,), dtype)
    bias = 0.1 * bench.activations.random((hidden,), dtype)
    return weight, bias


def norm_cases(bench, rows, hidden, dtype, eager):
    element = DTYPES[dtype]
    weight, bias = norm_parameters(bench, hidden, element)
    delta, residual, source = (bench.activations.take(rows, hidden, dtype=element)
                               for _ in range(3))
    x = torch.empty_like(delta)
    new_delta = torch.empty_like(delta)

    def add():
        torch.add(delta, residual, out=x)

    def write_delta():
        torch.neg(source, out=new_delta)

    add()
    write_delta()
    cases = []
    for name, norm in {**NORMS, **RESIDUAL_NORMS}.items():
        if not available(name) or name.endswith(".eager") and not eager:
            continue
        fields = {"kind": "norm", "implementation": name, "dtype": dtype, "rows": rows,
                  "hidden": hidden}
        if name in NORMS:
            cases.append(Case(fields, lambda i, norm=norm: norm(x, weight, bias), add))
        else:
            cases.append(Case(fields, lambda i, norm=norm: norm(
                new_delta, residual, weight, bias), write_delta))
    return cases


def norm_backward_groups(quick):
    for hidden in NORM_BACKWARD_HIDDENS[:1] if quick else NORM_BACKWARD_HIDDENS:
        for rows in NORM_BACKWARD_ROWS[1:2] if quick else NORM_BACKWARD_ROWS:
            eager = rows in NORM_BACKWARD_ROWS_EAGER
            yield operator_group(
                f"norm-backward {rows}x{hidden}", 5,
                lambda bench, rows=rows, hidden=hidden, eager=eager: norm_backward_cases(
                    bench, rows, hidden, eager))


def norm_backward_cases(bench, rows, hidden, eager):
    weight, bias = norm_parameters(bench, hidden, torch.bfloat16)
    x, dy = (bench.activations.take(rows, hidden) for _ in range(2))
    aten = torch.ops.aten
    calls = {}
    _, mean, rstd = aten.native_layer_norm(x, [hidden], weight, bias, EPSILON)
    calls["layernorm.native"] = lambda i: aten.native_layer_norm_backward(
        dy, x, [hidden], mean, rstd, weight, bias, [True, True, True])
    if hasattr(aten, "_fused_rms_norm_backward"):
        _, rms = aten._fused_rms_norm(x, [hidden], weight, EPSILON)
        calls["rmsnorm.native"] = lambda i: aten._fused_rms_norm_backward(
            dy, x, [hidden], rms, weight, [True, True])
    if triton:
        _, _, fused_mean, fused_rstd = triton_norm(x, weight, bias, center=True, save=True)
        calls["layernorm.fused"] = lambda i: triton_norm_backward(
            dy, x, weight, fused_mean, fused_rstd)
        _, _, _, fused_rms = triton_norm(x, weight, None, center=False, save=True)
        calls["rmsnorm.fused"] = lambda i: triton_norm_backward(dy, x, weight, None, fused_rms)
    if eager:
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        for name, inputs in (("layernorm.eager", leaves), ("rmsnorm.eager", leaves[:2])):
            y = NORMS[name](*leaves)
            calls[name] = lambda i, y=y, inputs=inputs: torch.autograd.grad(
                y, inputs, dy, retain_graph=True)
    return [Case({"kind": "norm-backward", "implementation": name, "dtype": "bf16", "rows": rows,
                  "hidden": hidden}, call) for name, call in calls.items()]


def pointwise_groups(quick):
    for implementation, columns, rows in POINTWISE:
        if not available(implementation):
            continue
        for column in columns[:1] if quick else columns:
            yield operator_group(
                f"pointwise {implementation} x{column}", 4,
                lambda bench, implementation=implementation, column=column, rows=rows: [
                    pointwise_case(bench, implementation, row, column)
                    for row in (rows[-1:] if quick else rows)])


def pointwise_case(bench, implementation, rows, columns):
    take = bench.activations.take
    call, fresh = POINTWISE_CALLS[implementation](take, rows, columns)
    sources = [take(tensor.numel(), dtype=tensor.dtype).view(tensor.shape) for tensor in fresh]

    def produce():
        for source, tensor in zip(sources, fresh):
            torch.neg(source, out=tensor)

    fields = {"kind": "pointwise", "implementation": implementation, "dtype": "bf16",
              "rows": rows, "columns": columns}
    return Case(fields, call, produce)


# Each of these returns the call and the tensors which the kernels before it have just written.


def unary(function):
    def build(take, rows, columns):
        x = take(rows, columns)
        return lambda i: function(x), [x]

    return build


def two_operands(function, second_is_fresh):
    def build(take, rows, columns):
        a, b = take(rows, columns), take(rows, columns)
        return lambda i: function(a, b), [a, b] if second_is_fresh else [a]

    return build


def bias_add(take, rows, columns):
    x, bias = take(rows, columns), take(columns)
    return lambda i: x + bias, [x]


def silu_chunk(take, rows, columns):
    gate_up = take(rows, 2 * columns)
    return lambda i: F.silu(gate_up[:, :columns]), [gate_up]


def multiply_chunk(take, rows, columns):
    gate_up, activated = take(rows, 2 * columns), take(rows, columns)
    return lambda i: activated * gate_up[:, columns:], [gate_up, activated]


def swiglu(take, rows, columns):
    gate_up = take(rows, 2 * columns)
    return lambda i: swiglu_fused(gate_up), [gate_up]


def split_heads(take, rows, columns):
    """q as in a layer: [1, heads, rows, head_dim], a view into rows that hold q, k and v too."""
    qkv = take(rows, columns + columns // 4)
    q = qkv[:, :columns].view(1, rows, columns // HEAD_DIM, HEAD_DIM).transpose(1, 2)
    return qkv, q


def rope_tables(rows, head_dim=HEAD_DIM):
    frequencies = 10000 ** (-torch.arange(0, head_dim, 2, device=DEVICE) / head_dim)
    angles = torch.arange(rows, device=DEVICE)[:, None] * frequencies
    angles = torch.cat((angles, angles), -1)
    return angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)


def multiply_broadcast(take, rows, columns):
    qkv, q = split_heads(take, rows, columns)
    cosine, _ = rope_tables(rows)
    return lambda i: q * cosine, [qkv]


def negate_half(take, rows, columns):
    qkv, q = split_heads(take, rows, 2 * columns)
    return lambda i: -q[..., HEAD_DIM // 2 :], [qkv]


def concatenate_halves(take, rows, columns):
    qkv, q = split_heads(take, rows, columns)
    negated = -q[..., HEAD_DIM // 2 :]
    return lambda i: torch.cat((negated, q[..., : HEAD_DIM // 2]), -1), [qkv, negated]


def multiply_broadcast_contiguous(take, rows, columns):
    rotated = take(1, columns // HEAD_DIM, rows, HEAD_DIM)
    _, sine = rope_tables(rows)
    return lambda i: rotated * sine, [rotated]


def add_transposed(take, rows, columns):
    heads = columns // HEAD_DIM
    first = take(1, rows, heads, HEAD_DIM)
    second = take(1, heads, rows, HEAD_DIM)
    return lambda i: first.transpose(1, 2) + second, [first, second]


def rope_in_place(take, rows, columns):
    qkv = take(rows, columns + columns // 9)
    tables = rope_tables(rows)
    return lambda i: rope_fused(qkv, *tables, columns // HEAD_DIM), [qkv]


def cast(target):
    def build(take, rows, columns):
        source = torch.bfloat16 if target == torch.float32 else torch.float32
        x = take(rows, columns, dtype=source)
        return lambda i: x.to(target), [x]

    return build


def kv_cache_copy(take, rows, columns):
    context = 512
    heads = columns // HEAD_DIM
    new = take(rows, 1, heads, HEAD_DIM)
    cache = take(rows, heads, context, HEAD_DIM)
    return lambda i: cache[:, :, -1:].copy_(new.transpose(1, 2)), [new]


POINTWISE_CALLS = {
    "add": two_operands(torch.add, second_is_fresh=False),
    "mul": two_operands(torch.mul, second_is_fresh=True),
    "bias": bias_add,
    "silu": unary(F.silu),
    "gelu": unary(F.gelu),
    "relu": unary(torch.relu),
    "silu-chunk": silu_chunk,
    "mul-chunk": multiply_chunk,
    "swiglu-fused": swiglu,
    "multiply-broadcast": multiply_broadcast,
    "negate-half": negate_half,
    "concatenate-halves": concatenate_halves,
    "multiply-broadcast-contiguous": multiply_broadcast_contiguous,
    "add-transposed": add_transposed,
    "rope-fused": rope_in_place,
    "cast-to-fp32": cast(torch.float32),
    "cast-to-bf16": cast(torch.bfloat16),
    "kv-cache-copy": kv_cache_copy,
}


def softmax_groups(quick):
    yield operator_group("softmax", 7, lambda bench: [
        softmax_case(bench, *shape) for shape in (SOFTMAXES[:2] if quick else SOFTMAXES)])


def softmax_case(bench, rows, columns):
    x = bench.activations.take(rows, columns)
    fields = {"kind": "softmax", "implementation": "native", "dtype": "bf16", "rows": rows,
              "columns": columns}
    return Case(fields, lambda i: torch.softmax(x, -1))


def priority_of(model, usual):
    """Heads of other widths come last."""
    return 9 if model in HEAD_WIDTHS + GROUPED_HEADS else usual


def attention_groups(quick):
    for model, causal, sizes in ATTENTION_PREFILL[:1] if quick else ATTENTION_PREFILL:
        yield operator_group(
            f"attention prefill {model}", priority_of(model, 4),
            lambda bench, model=model, causal=causal, sizes=sizes: [
                attention_case(bench, model, batch, length, length, causal)
                for batch, length in (sizes[:2] if quick else sizes)], settle_seconds=0.1)
    for model, batches, keys in ATTENTION_DECODE[:1] if quick else ATTENTION_DECODE:
        for batch in batches[:1] if quick else batches:
            yield operator_group(
                f"attention decode {model} batch {batch}", priority_of(model, 4),
                lambda bench, model=model, batch=batch, keys=keys: [
                    attention_case(bench, model, batch, 1, length, False)
                    for length in keys if kv_bytes(model, batch, length) < bench.memory_bytes / 16])
    for model, causal, sizes in ATTENTION_BACKWARD[:1] if quick else ATTENTION_BACKWARD:
        yield operator_group(
            f"attention backward {model}", priority_of(model, 5),
            lambda bench, model=model, causal=causal, sizes=sizes: [
                attention_backward_case(bench, model, batch, length, causal)
                for batch, length in (sizes[:1] if quick else sizes)], settle_seconds=0.1)


def kv_bytes(model, batch, keys):
    _, kv_heads, head_dim = HEADS[model]
    return 2 * 2 * batch * keys * kv_heads * head_dim


def attention_fields(model, batch, queries, keys, causal, direction):
    heads, kv_heads, head_dim = HEADS[model]
    return {"kind": "attention", "implementation": "sdpa", "dtype": "bf16", "batch": batch,
            "queries": queries, "keys": keys, "heads": heads, "kvHeads": kv_heads,
            "headDim": head_dim, "causal": causal, "direction": direction}


def attend(q, k, v, causal):
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal,
                                          enable_gqa=q.shape[1] != k.shape[1])


def attention_case(bench, model, batch, queries, keys, causal):
    heads, kv_heads, head_dim = HEADS[model]
    take = bench.activations.take
    q = take(batch, heads, queries, head_dim)
    copies = min(64, -(-4 * bench.l2_bytes // kv_bytes(model, batch, keys))) if queries == 1 else 1
    caches = [(take(batch, kv_heads, keys, head_dim), take(batch, kv_heads, keys, head_dim))
              for _ in range(copies)]
    fields = attention_fields(model, batch, queries, keys, causal, "forward")
    return Case(fields, lambda i: attend(q, *caches[i % copies], causal), calls_at_least=copies)


def attention_backward_case(bench, model, batch, length, causal):
    heads, kv_heads, head_dim = HEADS[model]
    q, k, v = (bench.activations.take(batch, count, length, head_dim).clone().requires_grad_()
               for count in (heads, kv_heads, kv_heads))
    y = attend(q, k, v, causal)
    dy = bench.activations.take(batch, heads, length, head_dim)
    fields = attention_fields(model, batch, length, length, causal, "backward")
    return Case(fields, lambda i: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True))


# ---------------------------------------------------------------------------
# Whole layers
# ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    hidden: int
    heads: int
    kvHeads: int
    headDim: int
    ffn: int
    gated: bool
    bias: str  # "none", "qkv" or "all"
    positions: str  # "rope" or "learned"
    causal: bool


MODELS = {
    "llama-3-70b": Shape(8192, 64, 8, 128, 28672, True, "none", "rope", True),
    "llama-3-8b": Shape(4096, 32, 8, 128, 14336, True, "none", "rope", True),
    "bert-large": Shape(1024, 16, 16, 64, 4096, False, "all", "learned", False),
    "qwen2.5-7b": Shape(3584, 28, 4, 128, 18944, True, "qkv", "rope", True),
    "phi-3-mini": Shape(3072, 32, 32, 96, 8192, True, "none", "rope", True),
    "gemma-7b": Shape(3072, 16, 16, 256, 24576, True, "none", "rope", True),
    "gpt2-xl": Shape(1600, 25, 25, 64, 6400, False, "all", "learned", True),
}


@dataclass(frozen=True)
class LayerCase:
    model: str
    phase: str
    batch: int
    sequence: int
    context: int = 0
    pointwise: str = "eager"
    runtime: str = "graph"


PREFILLS = [(1, 128), (1, 512), (2, 1024), (1, 4096), (1, 8192)]
DECODES = [(1, 2048), (8, 2048), (32, 2048), (128, 2048), (32, 8192)]
LAYER_SECONDS = 5  # of measuring for a layer, about
LAYERS = [  # priority, models, phase, (batch, sequence or context), pointwise, runtime
    (1, ["llama-3-70b"], "decode", DECODES, "eager", "graph"),
    (1, ["llama-3-70b"], "prefill", PREFILLS, "eager", "graph"),
    (3, ["bert-large"], "decode", DECODES, "eager", "graph"),
    (3, ["bert-large"], "prefill", PREFILLS + [(8, 512)], "eager", "graph"),
    (4, ["llama-3-8b", "qwen2.5-7b"], "decode", DECODES, "eager", "graph"),
    (4, ["llama-3-8b", "qwen2.5-7b"], "prefill", PREFILLS, "eager", "graph"),
    (5, ["llama-3-70b", "bert-large"], "train", [(1, 4096), (8, 512)], "eager", "eager"),
    (6, ["llama-3-70b", "llama-3-8b"], "decode", [(1, 2048), (32, 2048)], "fused", "graph"),
    (6, ["llama-3-70b", "llama-3-8b"], "prefill", [(1, 512), (1, 4096)], "fused", "graph"),
    (6, ["llama-3-8b", "qwen2.5-7b"], "train", [(1, 4096)], "eager", "eager"),
    (7, ["llama-3-70b", "bert-large"], "decode", [(1, 2048)], "eager", "eager"),
    (7, ["llama-3-70b", "bert-large"], "prefill", [(1, 512)], "eager", "eager"),
    (8, ["bert-large", "llama-3-8b", "llama-3-70b", "qwen2.5-7b"], "train", [(1, 4096), (8, 512)],
     "eager", "graph"),
    (9, ["phi-3-mini"], "decode", DECODES, "eager", "graph"),
    (9, ["phi-3-mini"], "prefill", PREFILLS, "eager", "graph"),
    (9, ["phi-3-mini"], "train", [(1, 4096)], "eager", "graph"),
    (9, ["gemma-7b", "gpt2-xl"], "decode", DECODES[:3], "eager", "graph"),
    (9, ["gemma-7b", "gpt2-xl"], "prefill", [(1, 512), (2, 1024), (1, 4096)], "eager", "graph"),
    (9, ["gemma-7b", "gpt2-xl"], "train", [(1, 4096), (8, 512)], "eager", "graph"),
]


def layer_groups(quick):
    for priority, models, phase, sizes, pointwise, runtime in LAYERS:
        if pointwise == "fused" and not available("fused"):
            continue
        for model in models[-1:] if quick else models:
            for batch, length in sizes[1:2] if quick else sizes:
                sequence, context = (1, length) if phase == "decode" else (length, 0)
                case = LayerCase(model, phase, batch, sequence, context, pointwise, runtime)
                yield Group(f"layer {model} {phase} {batch}x{length} {pointwise} {runtime}",
                            priority, lambda bench, case=case: measure_layer(bench, case))


def layer_weight_bytes(shape):
    attention = (2 * shape.heads + 2 * shape.kvHeads) * shape.headDim
    return 2 * shape.hidden * (attention + (3 if shape.gated else 2) * shape.ffn)


def make_weights(bench, shape, trainable):
    take = bench.weights.take
    qkv_columns = (shape.heads + 2 * shape.kvHeads) * shape.headDim
    up_columns = shape.ffn * (2 if shape.gated else 1)
    weights = {
        "qkv": take(qkv_columns, shape.hidden),
        "o": take(shape.hidden, shape.heads * shape.headDim),
        "up": take(up_columns, shape.hidden),
        "down": take(shape.hidden, shape.ffn),
    }
    if shape.bias in ("qkv", "all"):
        weights["qkv_bias"] = take(qkv_columns)
    if shape.bias == "all":
        weights.update(o_bias=take(shape.hidden), up_bias=take(up_columns),
                       down_bias=take(shape.hidden))
    for norm in ("norm1", "norm2"):
        weights[norm], weights[f"{norm}_bias"] = norm_parameters(bench, shape.hidden,
                                                                 torch.bfloat16)
    if trainable:
        weights = {name: tensor.clone().requires_grad_() for name, tensor in weights.items()}
    return weights


def rope_eager(x, cosine, sine):
    half = x.shape[-1] // 2
    return x * cosine + torch.cat((-x[..., half:], x[..., :half]), -1) * sine


def run_attention(shape, case, weights, y, tables, cache):
    """The attention block, from the normalized input to the output projection."""
    qkv = F.linear(y, weights["qkv"], weights.get("qkv_bias"))
    if shape.positions == "rope" and case.pointwise == "fused":
        rope_fused(qkv, *tables, shape.heads + shape.kvHeads)
    q, k, v = (part.view(case.batch, case.sequence, -1, shape.headDim).transpose(1, 2)
               for part in qkv.split([count * shape.headDim for count in
                                      (shape.heads, shape.kvHeads, shape.kvHeads)], -1))
    if shape.positions == "rope" and case.pointwise == "eager":
        q, k = rope_eager(q, *tables), rope_eager(k, *tables)
    if cache:
        cache[0][:, :, -1:].copy_(k)
        cache[1][:, :, -1:].copy_(v)
        k, v = cache
    out = attend(q, k, v, shape.causal and not cache)
    out = out.transpose(1, 2).reshape(y.shape[0], -1)
    return F.linear(out, weights["o"], weights.get("o_bias"))


def run_mlp(shape, case, weights, y):
    up = F.linear(y, weights["up"], weights.get("up_bias"))
    if not shape.gated:
        up = F.gelu(up)
    elif case.pointwise == "fused":
        up = swiglu_fused(up)
    else:
        gate, up = up.chunk(2, -1)
        up = F.silu(gate) * up
    return F.linear(up, weights["down"], weights.get("down_bias"))


def run_layer(shape, case, norm_name, weights, stream, delta, tables, cache):
    """One pre-norm layer. Returns the residual stream and what is yet to be added to it.

    `delta` is the output of the last block where the add is fused with the next norm, else None.
    """
    for norm, block in (("norm1", "attention"), ("norm2", "mlp")):
        weight, bias = weights[norm], weights[f"{norm}_bias"]
        if norm_name in RESIDUAL_NORMS:
            stream, y = RESIDUAL_NORMS[norm_name](delta, stream, weight, bias)
        elif norm_name == "none":
            y = stream
        else:
            norms = TRAINING_NORMS if case.phase == "train" else NORMS
            y = norms[norm_name](stream, weight, bias)
        if block == "attention":
            out = run_attention(shape, case, weights, y, tables, cache)
        else:
            out = run_mlp(shape, case, weights, y)
        if norm_name in RESIDUAL_NORMS:
            delta = out
        else:
            stream = stream + out
    return stream, delta


class LayerStack:
    """A few layers with weights and caches of their own, which together exceed the L2."""

    def __init__(self, bench, case):
        self.case, self.shape = case, MODELS[case.model]
        train = case.phase == "train"
        copies = -(-4 * bench.l2_bytes // layer_weight_bytes(self.shape))
        self.weights = [make_weights(bench, self.shape, train)
                        for _ in range(min(copies, 4) if train else copies)]
        tokens = case.batch * case.sequence
        take = bench.activations.take
        self.x, self.delta = take(tokens, self.shape.hidden), take(tokens, self.shape.hidden)
        if train:
            self.x = self.x.clone().requires_grad_()
        self.tables = rope_tables(case.sequence, self.shape.headDim)
        self.caches = [None]
        if case.phase == "decode":
            size = (case.batch, self.shape.kvHeads, case.context, self.shape.headDim)
            count = min(len(self.weights), -(-2 * bench.l2_bytes // math.prod(size)))
            self.caches = [(take(*size), take(*size)) for _ in range(count)]

    def forward(self, norm_name, layers):
        stream, delta = self.x, self.delta
        for i in range(layers):
            stream, delta = run_layer(
                self.shape, self.case, norm_name, self.weights[i % len(self.weights)], stream,
                delta, self.tables, self.caches[i % len(self.caches)])
        return stream

    def step(self, norm_name, layers):
        """Forward, and in training backward too."""
        out = self.forward(norm_name, layers)
        if self.case.phase == "train":
            out.backward(self.delta)
            self.x.grad = None
            for weights in self.weights:
                for tensor in weights.values():
                    tensor.grad = None


def layer_variants(case):
    if case.phase == "train":
        names = list(TRAINING_NORMS)
    elif case.pointwise == "fused":
        names = ["layernorm.native", "rmsnorm.native", "layernorm.fused", "rmsnorm.fused",
                 *RESIDUAL_NORMS]
    else:
        names = [*NORMS, *RESIDUAL_NORMS]
    return [name for name in names if available(name)] + ["none"]


def measure_layer(bench, case):
    """Yields the row of one layer: all normalization variants in turn."""
    stack = LayerStack(bench, case)
    layers = len(stack.weights)
    names = layer_variants(case)
    for name in names:
        stack.step(name, layers)
    torch.cuda.synchronize()
    warm_up = bench.time_in_turn([lambda: stack.step(names[0], layers)], 3, synchronize=True)
    estimate = min(warm_up[0])
    if case.runtime == "graph":
        layers *= max(1, min(8 // layers, round(2e-3 / estimate)))
        graphs = [bench.capture(lambda i, name=name: stack.step(name, layers), 1)
                  for name in names]
        runs = [graph.replay for graph in graphs]
    else:
        runs = [lambda name=name: stack.step(name, layers) for name in names]
    first_round = bench.time_in_turn(runs, 1, synchronize=True)
    run_seconds = statistics.mean(values[0] for values in first_round)
    # Where the clock depends on what runs, every variant runs for a while, untimed, then timed.
    visit_seconds = 0.03 if case.batch * case.sequence >= 512 and not bench.quick else 0.004
    repeats = max(1, round(visit_seconds / run_seconds))

    def visit(run):
        for _ in range(repeats):
            run()

    actions = [lambda run=run: visit(run) for run in runs]
    rounds = bench.rounds_for(2 * repeats * run_seconds * len(names) / LAYER_SECONDS)
    times = bench.time_in_turn(actions, rounds, before=lambda action: action(),
                               synchronize=case.runtime == "eager")
    per_layer = 1 / (layers * repeats)
    seconds, spread, added, added_spread = {}, {}, {}, {}
    for name, values in zip(names, times):
        seconds[name], spread[name] = describe(values, per_layer)
        differences = [value - none for value, none in zip(values, times[-1])]
        added[name], added_spread[name] = describe(differences, per_layer)
    yield {"kind": "layer", "model": case.model, "shape": asdict(stack.shape),
           "phase": case.phase, "batch": case.batch, "sequence": case.sequence,
           "context": case.context, "dtype": "bf16", "runtime": case.runtime,
           "pointwise": case.pointwise, "layers": layers, "seconds": seconds, "spread": spread,
           "added": added, "addedSpread": added_spread}


# ---------------------------------------------------------------------------
# Environment and main
# ---------------------------------------------------------------------------

GROUPS = {
    "bandwidth": bandwidth_groups,
    "gemm": gemm_groups,
    "norm": norm_groups,
    "norm-backward": norm_backward_groups,
    "pointwise": pointwise_groups,
    "softmax": softmax_groups,
    "attention": attention_groups,
    "layer": layer_groups,
}


def nvidia_smi(*names):
    """Values of nvidia-smi's query, None for each where it is missing or does not answer."""
    program = shutil.which("nvidia-smi")
    if not program:
        return [None] * len(names)
    try:
        answer = subprocess.run(
            [program, f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=20, check=True).stdout
    except (subprocess.SubprocessError, OSError):
        return [None] * len(names)
    return [value.strip() for value in answer.splitlines()[0].split(",")]


def gpu_state():
    def number(text, scale):
        try:
            return float(text) * scale
        except (TypeError, ValueError):
            return None

    sm, memory, power, temperature = nvidia_smi("clocks.sm", "clocks.mem", "power.draw",
                                                "temperature.gpu")
    return {"smClockHz": number(sm, 1e6), "memoryClockHz": number(memory, 1e6),
            "powerWatts": number(power, 1), "temperatureCelsius": number(temperature, 1)}


def environment(bench, before):
    properties = torch.cuda.get_device_properties(DEVICE)
    return {
        "kind": "environment", "schemaVersion": 1, "gpu": properties.name,
        "computeUnits": properties.multi_processor_count, "l2Bytes": bench.l2_bytes,
        "memoryBytes": bench.memory_bytes, "driver": nvidia_smi("driver_version")[0],
        "torch": torch.__version__, "cuda": torch.version.cuda, "rocm": torch.version.hip,
        "triton": triton.__version__ if triton else None, "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"), "before": before,
        "emptyKernelWarmSeconds": significant(bench.empty_warm),
        "emptyKernelColdSeconds": significant(bench.empty_cold),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Measure a GPU for calibrating the norm-roofline simulator.")
    parser.add_argument("-o", "--output", required=True, help="JSON Lines file to write")
    parser.add_argument("--minutes", type=float, default=9, help="time limit (default: 9)")
    parser.add_argument("--only", default=",".join(GROUPS),
                        help=f"comma-separated parts to measure, of: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true",
                        help="a few cases of each part with few repetitions, as a test")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    unknown = set(arguments.only) - set(GROUPS)
    if unknown:
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    return arguments


def main():
    arguments = parse_arguments()
    started = time.perf_counter()
    if not torch.cuda.is_available():
        sys.exit("measure_gpu: PyTorch sees no GPU")
    before = gpu_state()
    torch.manual_seed(0)
    bench = Bench(arguments.quick)
    groups = sorted((group for part in arguments.only for group in GROUPS[part](arguments.quick)),
                    key=lambda group: group.priority)
    reserve_seconds = 10  # the longest group and the end
    skipped = []
    with open(arguments.output, "w", encoding="utf-8") as output:

        def write(row):
            print(json.dumps(row), file=output, flush=True)

        write(environment(bench, before))
        for group in groups:
            elapsed = time.perf_counter() - started
            if elapsed > 60 * arguments.minutes - reserve_seconds:
                skipped.append(group.name)
                continue
            count = 0
            bench.reset()
            try:
                for row in group.measure(bench):
                    write(row)
                    count += 1
            except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
                report(f"failed: {group.name}: {first_line(error)}")
            report(f"{elapsed:6.1f} s  {group.name}: {count} rows")
        write({"kind": "environment-after", "after": gpu_state(),
               "elapsedSeconds": significant(time.perf_counter() - started),
               "skipped": skipped})
    if skipped:
        report(f"skipped for lack of time: {'; '.join(skipped)}")


if __name__ == "__main__":
    main()
