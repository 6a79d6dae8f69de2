#!/usr/bin/env python3
"""Rows of measurements from PyTorch profiler traces of framework runs.

    python3 tools/trace_facts.py TRACES -o measurements/h200-sxm

TRACES is a folder that tools/trace_runs.py has written: traces and runs.jsonl. Two files are written: framework-runs.jsonl,
one row a run, and framework-kernels.jsonl, the kernels of those runs that measurements of single operators do not have.
"""
import argparse
import collections
import gzip
import json
import pathlib
import statistics


def load(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        return json.load(file)["traceEvents"]


def first_step(events):
    """Device events of the first marked step, each with the operator that launched it, in order of time."""
    steps = sorted(
        (e["ts"], e["ts"] + e["dur"]) for e in events if e.get("cat") == "user_annotation" and "ProfilerStep" in e["name"]
    )
    begin, end = steps[0]
    launches = {
        e["args"]["correlation"]: e["ts"]
        for e in events
        if e.get("cat") in ("cuda_runtime", "cuda_driver") and "correlation" in e.get("args", {})
    }
    operators = {}
    for e in events:
        if e.get("cat") == "cpu_op":
            operators[e["args"].get("External id")] = e
    device = [e for e in events if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")]
    inside = [e for e in device if begin <= launches.get(e["args"].get("correlation"), e["ts"]) < end]
    inside.sort(key=lambda e: e["ts"])
    return [(e, operators.get(e["args"].get("External id"))) for e in inside]


def dims(operator):
    return (operator or {}).get("args", {}).get("Input Dims") or []


def name_of(operator):
    return (operator or {"name": ""})["name"].replace("aten::", "")


def classify(kernel, operator, before):
    """(operation, shape, masked) of a kernel, or None. `before` names the kernel before it, as classified."""
    name, op, shapes = kernel["name"], name_of(operator), dims(operator)
    if "Memset" in name or "Memcpy" in name:
        return None
    if op == "cat" and shapes and len(shapes[0]) == 2 and len(shapes[0][0]) == 4:
        first, second = shapes[0]
        joined = "rope-concatenate" if first == second else "cache-concatenation"
        axis = 3 if first == second else 2
        return joined, first[:axis] + [first[axis] + second[axis]] + first[axis + 1 :], None
    if op == "mul" and len(shapes) > 1 and len(shapes[0]) == 4 and shapes[1][:2] == [1, 1]:
        return ("rope-times-sin" if before == "rope-concatenate" else "rope-times-cos"), shapes[0], None
    if op == "neg" and shapes and len(shapes[0]) == 4:
        return "rope-negate", shapes[0], None
    if op == "add" and before == "rope-times-sin":
        return "rope-add", shapes[0], None
    if "sdpa" in name and "cudnn" in name and shapes:
        direction = "attention-backward" if "bprop" in name else "attention"
        queries = shapes[0][2]
        masked = queries > 1 and any(len(one) == 4 and one[1:3] == [1, queries] for one in shapes)
        return direction, shapes[0][:3] + [shapes[1][2] if direction == "attention" else shapes[2][2], shapes[0][3]], masked
    if "s1688gemm_f16" in name and op == "mm":
        left, right = shapes[:2]
        return "misaligned-matmul", [left[0], right[1], left[1]], None
    if "rsqrt" in name and shapes and op == "rsqrt":
        return "smallest", shapes[0], None
    return None


def kernel_rows(run, trace):
    found = collections.defaultdict(list)
    before = None
    optimizer = []
    for kernel, operator in first_step(load(trace)):
        if "FusedOptimizer" in kernel["name"]:
            optimizer.append(kernel["dur"])
        kind = classify(kernel, operator, before)
        before = kind[0] if kind else None
        if kind:
            found[(kind[0], tuple(kind[1]), kind[2])].append(kernel["dur"])
    label = f"{run['model']} {run['phase']} {run['batch']}x{run['sequence'] if run['phase'] != 'decode' else run['context']} {run['mode']}"
    base = {"kind": "framework-kernel", "run": label, "dtype": run["dtype"]}
    for (operation, shape, masked), times in found.items():
        row = {**base, "operation": operation, "shape": list(shape)}
        if masked is not None:
            row["masked"] = masked
        yield {**row, "launches": len(times), "seconds": micro(statistics.median(times))}
    if optimizer:
        parameters = run.get("parameters")
        shape = [parameters] if parameters else []
        yield {**base, "operation": "optimizer", "shape": shape, "launches": len(optimizer), "seconds": micro(sum(optimizer))}


def micro(value):
    return float(f"{value * 1e-6:.5g}")


def run_row(run):
    row = {
        "kind": "framework-run",
        "framework": f"transformers {run['transformers']}",
        "torch": run["torch"],
        "mode": "eager" if run["mode"] == "eager" else "compiled",
        **{key: run[key] for key in ("model", "layers", "phase", "batch", "sequence", "context", "dtype")},
        "wallSeconds": micro(run["wall_us"]),
        "kernelSeconds": micro(run["kernel_us"]),
        "kernels": round(run["kernels"]),
    }
    if "norm_forward_us" in run:
        row["normForwardSeconds"] = micro(run["norm_forward_us"])
        row["normBackwardSeconds"] = micro(run["norm_backward_us"])
        row["normForwardKernels"] = round(run["norm_forward_kernels"])
        row["normBackwardKernels"] = round(run["norm_backward_kernels"])
    return row


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{path}: {len(rows)} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    runs = [json.loads(line) for line in (arguments.traces / "runs.jsonl").read_text().splitlines() if line.strip()]
    write(arguments.output / "framework-runs.jsonl", [run_row(run) for run in runs])
    kernels = [row for run in runs for row in kernel_rows(run, arguments.traces / run["trace"])]
    write(arguments.output / "framework-kernels.jsonl", kernels)


if __name__ == "__main__":
    main()
