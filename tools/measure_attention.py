#!/usr/bin/env python3
"""Measure attention where its kernels are not full: few queries behind many keys, short sequences, few key heads.

    python3 measure_attention.py -o attention.jsonl [--only few-queries,short,decode]

Needs PyTorch 2.9 or newer on CUDA. Rows are as in measure_gpu.py and measure_parts.py; `implementation` names the
library: `flash` (FlashAttention as torch ships it, causal masks aligned to the last key) or `cudnn`. Seconds are medians
over replays of a CUDA graph of several calls whose keys and values rotate through more than twice the L2.
"""

import argparse
import json
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from measure_parts import copies, environment, graph_seconds, random, write

#         query heads, key heads, head dimension
LLAMA_8B = (32, 8, 128)
LLAMA_70B = (64, 8, 128)
SHAPES = [LLAMA_8B, LLAMA_70B, (32, 32, 64), (16, 8, 256), (8, 1, 128)]
LARGEST_CACHE_BYTES = 6e9
LONGEST_FLOPS = 4e13


def flash(q, k, v, causal):
    queries, keys = q.shape[2], k.shape[2]
    # the operator wants batch, tokens, heads, width
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return torch.ops.aten._flash_attention_forward(q, k, v, None, None, queries, keys, 0.0, causal, False)


def cudnn(q, k, v, causal):
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


LIBRARIES = {"flash": flash, "cudnn": cudnn}


def case(library, batch, queries, keys, shape, causal):
    heads, kv_heads, width = shape
    row = {"kind": "attention", "implementation": library, "dtype": "bf16", "batch": batch, "queries": queries, "keys": keys,
           "heads": heads, "kvHeads": kv_heads, "headDim": width, "causal": causal, "direction": "forward"}
    cache_bytes = 2 * batch * kv_heads * keys * width * 2
    if cache_bytes > LARGEST_CACHE_BYTES or 4 * batch * heads * queries * keys * width > LONGEST_FLOPS:
        return None

    def prepare():
        sets = copies(cache_bytes)
        q = random(batch, heads, queries, width)
        caches = [(random(batch, kv_heads, keys, width), random(batch, kv_heads, keys, width)) for _ in range(sets)]
        return lambda i: LIBRARIES[library](q, *caches[i % sets], causal)

    return row, prepare


def few_queries():
    for shape in SHAPES:
        for batch in (1, 4, 16):
            for keys in (1024, 4096, 16384, 65536):
                for queries in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048):
                    if queries < keys:
                        # aligned to the last key the masks of the two libraries differ: cuDNN's rows have none
                        yield case("flash", batch, queries, keys, shape, True)
                        yield case("cudnn", batch, queries, keys, shape, False)


def short():
    for shape in [(16, 16, 64), LLAMA_8B, LLAMA_70B, (16, 8, 256)]:
        for length in (64, 128, 256, 512, 1024, 2048):
            for batch in (1, 2, 4, 8, 16, 32, 64):
                for causal in (True, False):
                    for library in LIBRARIES:
                        yield case(library, batch, length, length, shape, causal)


def decode():
    for shape in [LLAMA_8B, LLAMA_70B, (8, 1, 128), (32, 1, 128), (16, 2, 128), (16, 8, 256), (32, 8, 64)]:
        for batch in (1, 2, 4, 8, 16, 32, 64):
            for keys in (512, 1024, 4096, 16384, 65536):
                for library in LIBRARIES:
                    yield case(library, batch, 1, keys, shape, False)


GROUPS = {"decode": decode, "few-queries": few_queries, "short": short}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--only", default=",".join(GROUPS))
    options = parser.parse_args()
    with open(options.output, "w") as out:
        print(json.dumps(environment()), file=out, flush=True)
        for name in options.only.split(","):
            for found in GROUPS[name]():
                if found is None:
                    continue
                row, prepare = found
                try:
                    write(row, graph_seconds(prepare(), replays=15), out)
                except Exception as error:  # a shape that this library lacks
                    print(f"left out {row}: {str(error).splitlines()[0]}", file=sys.stderr)


if __name__ == "__main__":
    main()
