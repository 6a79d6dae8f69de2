#!/usr/bin/env python3
"""Count the bytes that normalization kernels move, with hardware counters.

    python3 count_dram_bytes.py -o counters.jsonl [--quick]

Needs an NVIDIA GPU, PyTorch and Nsight Compute (`ncu`) with access to the counters. The script
runs itself under ncu, with all caches flushed before each kernel and the clocks left alone, and
writes JSON Lines: an `environment` row, then a `norm-counters` row for every case with the DRAM
bytes read and written and the L2 bytes of each of its kernels.

What a kernel writes stays in the L2 as far as it fits, so writeBytes is less than the size of
the output by up to the size of the L2.
"""

import argparse
import csv
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import measure_gpu

NATIVE = ["layernorm.native", "rmsnorm.native"]
EAGER = ["rmsnorm.eager", "layernorm.eager"]
FUSED = ["layernorm.fused", "rmsnorm.fused", "layernorm.residual-fused", "rmsnorm.residual-fused"]
CASES = [  # implementations, rows, hidden
    (NATIVE, [16, 512, 1024, 2048, 3072, 4096, 8192, 16384],
     [1024, 2048, 3584, 4096, 5120, 6144, 8192, 12288, 16384]),
    (FUSED, [512, 4096, 16384], [1024, 4096, 8192, 16384]),
    (EAGER, [512, 4096, 16384], [1024, 8192]),
]
QUICK_CASES = [(NATIVE + EAGER + FUSED, [16, 4096], [8192])]
KERNELS = {"rmsnorm.eager": 8, "layernorm.eager": 12}  # launched by a call; by all others 1
METRICS = {
    "readBytes": "dram__bytes_read.sum",
    "writeBytes": "dram__bytes_write.sum",
    "l2Bytes": "lts__t_bytes.sum",
}


def list_cases(quick):
    return [(name, rows, hidden)
            for names, all_rows, hiddens in (QUICK_CASES if quick else CASES)
            for hidden, rows, name in itertools.product(hiddens, all_rows, names)
            if measure_gpu.available(name)]


def launch_kernels(cases):
    """Runs every case twice; only the second run is seen by the profiler."""
    elements = max(rows * hidden for _, rows, hidden in cases)
    delta, residual = (torch.randn(elements, device="cuda", dtype=torch.bfloat16)
                       for _ in range(2))
    widest = max(hidden for _, _, hidden in cases)
    weight, bias = (torch.randn(widest, device="cuda", dtype=torch.bfloat16) for _ in range(2))

    def run_all():
        for name, rows, hidden in cases:
            x = delta[: rows * hidden].view(rows, hidden)
            parameters = weight[:hidden], bias[:hidden]
            if name in measure_gpu.RESIDUAL_NORMS:
                other = residual[: rows * hidden].view(rows, hidden)
                measure_gpu.RESIDUAL_NORMS[name](x, other, *parameters)
            else:
                measure_gpu.NORMS[name](x, *parameters)
        torch.cuda.synchronize()

    run_all()
    torch.cuda.profiler.start()
    run_all()
    torch.cuda.profiler.stop()


def profile(quick):
    """Runs this script under ncu. Returns the rows of its table, one for each kernel."""
    ncu = shutil.which("ncu")
    if not ncu:
        sys.exit("count_dram_bytes: ncu (Nsight Compute) is not on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "ncu.csv")
        command = [ncu, "--clock-control", "none", "--cache-control", "all",
                   "--profile-from-start", "off", "--metrics", ",".join(METRICS.values()),
                   "--csv", "--page", "raw", "--print-units", "base", "--log-file", str(log),
                   sys.executable, str(Path(__file__).resolve()), "--launch"]
        finished = subprocess.run(command + (["--quick"] if quick else []))
        text = log.read_text() if log.exists() else ""
        if finished.returncode:
            sys.exit(f"count_dram_bytes: ncu failed\n{text[-2000:]}")
    lines = [line for line in text.splitlines() if line.startswith('"')]
    return [row for row in csv.DictReader(lines) if row["ID"]]  # the second line holds the units


def main():
    parser = argparse.ArgumentParser(description="Count the bytes that norm kernels move.")
    parser.add_argument("-o", "--output", help="JSON Lines file to write")
    parser.add_argument("--quick", action="store_true", help="a few cases only, as a test")
    parser.add_argument("--launch", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cases = list_cases(arguments.quick)
    if arguments.launch:
        launch_kernels(cases)
        return
    if not arguments.output:
        parser.error("-o is required")
    kernels = profile(arguments.quick)
    expected = sum(KERNELS.get(name, 1) for name, _, _ in cases)
    if len(kernels) != expected:
        sys.exit(f"count_dram_bytes: {len(kernels)} kernels seen, {expected} expected")
    remaining = iter(kernels)
    properties = torch.cuda.get_device_properties(0)
    with open(arguments.output, "w", encoding="utf-8") as output:
        print(json.dumps({
            "kind": "environment", "schemaVersion": 1, "gpu": properties.name,
            "computeUnits": properties.multi_processor_count,
            "l2Bytes": properties.L2_cache_size, "torch": torch.__version__,
            "cuda": torch.version.cuda, "date": time.strftime("%Y-%m-%d")}), file=output)
        for name, rows, hidden in cases:
            own = itertools.islice(remaining, KERNELS.get(name, 1))
            print(json.dumps({
                "kind": "norm-counters", "implementation": name, "rows": rows, "hidden": hidden,
                "dtype": "bf16", "cache": "cold", "kernels": [
                    {"name": kernel["Kernel Name"][:100],
                     **{field: float(kernel[metric].replace(",", ""))
                        for field, metric in METRICS.items()}} for kernel in own]}), file=output)


if __name__ == "__main__":
    main()
