#!/usr/bin/env python3
"""Records profiler traces of steps of transformers models, with what hooks around every norm measured.

    python3 tools/trace_runs.py -o traces --model Qwen/Qwen3-8B --layers 6 --phase decode --batch 8 --context 3000
    python3 tools/trace_runs.py -o traces --model bert-large-uncased --phase train --batch 8 --sequence 512 --dtype fp16

Needs torch and transformers; weights are random, so that only the config is fetched (or read from the local cache). Each
call adds a trace and a line of runs.jsonl to the folder; tools/trace_facts.py makes rows of measurements of them, and
`norm-roofline trace` reads the traces as they are.
"""
import argparse
import gzip
import json
import pathlib
import shutil
import statistics
import time

STEPS = 2
WARM_STEPS = 3
DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def build(arguments):
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(arguments.model)
    if arguments.layers:
        config.num_hidden_layers = arguments.layers
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[: arguments.layers]
    dtype = getattr(torch, DTYPES[arguments.dtype])
    causal = "CausalLM" in " ".join(getattr(config, "architectures", None) or ["CausalLM"])
    kind = AutoModelForCausalLM if causal else AutoModel
    with torch.device("cuda"):
        model = kind.from_config(config, dtype=dtype)
    return model.train() if arguments.phase == "train" else model.eval()


def train_step(model, ids):
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        if hasattr(model, "lm_head"):
            loss = model(input_ids=ids, labels=ids).loss
        else:
            loss = model(input_ids=ids).last_hidden_state.float().pow(2).mean()
        loss.backward()
        optimizer.step()

    return step


def prefill_step(model, ids):
    import torch

    extra = {"logits_to_keep": 1} if hasattr(model, "lm_head") else {}

    @torch.no_grad()
    def step():
        try:
            model(input_ids=ids, use_cache=True, **extra)
        except TypeError:
            model(input_ids=ids)

    return step


def decode_step(model, batch, context, vocabulary):
    import torch
    from transformers import DynamicCache

    token = torch.randint(0, vocabulary, (batch, 1), device="cuda")
    prompt = torch.randint(0, vocabulary, (batch, context), device="cuda")
    with torch.no_grad():
        cache = model(input_ids=prompt, use_cache=True, past_key_values=DynamicCache(config=model.config)).past_key_values

    @torch.no_grad()
    def step():
        # every step sees the same cache: what it has added is cut off again
        model(input_ids=token, past_key_values=cache, use_cache=True)
        cache.crop(context)

    return step


def norms_of(model):
    return [module for module in model.modules() if "norm" in type(module).__name__.lower() and not list(module.children())]


def annotate(model):
    """Every norm's forward pass inside an annotation that a trace shows."""
    import torch

    for module in norms_of(model):
        forward = module.forward

        def inside(*args, forward=forward, **kwargs):
            with torch.profiler.record_function("norm-roofline: norm"):
                return forward(*args, **kwargs)

        module.forward = inside


def profiled(step):
    import torch
    from torch.profiler import ProfilerActivity, profile, schedule

    with profile(
        activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA],
        schedule=schedule(wait=0, warmup=1, active=STEPS, repeat=1),
        record_shapes=True,
    ) as trace:
        for _ in range(1 + STEPS):
            step()
            torch.cuda.synchronize()
            trace.step()
    return trace


def device_events(events):
    return [e for e in events if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")]


def norm_seconds(events):
    """Kernels launched inside an annotated norm, and those of the backward nodes with their sequence numbers."""
    spans = [(e["tid"], e["ts"], e["ts"] + e["dur"]) for e in events if e["name"] == "norm-roofline: norm" and e.get("cat") == "user_annotation"]
    inside = lambda e: any(tid == e["tid"] and begin <= e["ts"] < end for tid, begin, end in spans)
    operators = [e for e in events if e.get("cat") == "cpu_op"]
    numbers = {e["args"].get("Sequence number") for e in operators if inside(e)} - {None, -1}
    backward = [
        (e["tid"], e["ts"], e["ts"] + e["dur"])
        for e in operators
        if e["name"].startswith("autograd::engine::evaluate_function") and e["args"].get("Sequence number") in numbers
    ]
    launches = {
        e["args"]["correlation"]: e
        for e in events
        if e.get("cat") in ("cuda_runtime", "cuda_driver") and "correlation" in e.get("args", {})
    }
    sums = {"forward": [0.0, 0], "backward": [0.0, 0]}
    for kernel in device_events(events):
        launch = launches.get(kernel["args"].get("correlation"))
        if launch is None:
            continue
        within = lambda ranges: any(tid == launch["tid"] and begin <= launch["ts"] < end for tid, begin, end in ranges)
        which = "forward" if within(spans) else "backward" if within(backward) else None
        if which:
            sums[which][0] += kernel["dur"]
            sums[which][1] += 1
    return sums


def export(trace, path):
    plain = path.with_suffix("")
    trace.export_chrome_trace(str(plain))
    with open(plain, "rb") as source, gzip.open(path, "wb") as target:
        shutil.copyfileobj(source, target)
    plain.unlink()
    return json.loads(gzip.open(path, "rt").read())["traceEvents"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--model", required=True, help="name on Hugging Face or a folder with a config.json")
    parser.add_argument("--name", help="name in models/ (default: the model's)")
    parser.add_argument("--layers", type=int, help="only the first layers")
    parser.add_argument("--phase", choices=["prefill", "decode", "train"], required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sequence", type=int, default=1)
    parser.add_argument("--context", type=int, default=0)
    parser.add_argument("--dtype", choices=list(DTYPES), default="bf16")
    parser.add_argument("--compile", action="store_true", help="under torch.compile (prefill and train)")
    arguments = parser.parse_args()

    import torch
    import transformers

    model = build(arguments)
    vocabulary = model.config.vocab_size
    ids = torch.randint(0, vocabulary, (arguments.batch, arguments.sequence), device="cuda")
    if arguments.phase == "decode":
        make = lambda: decode_step(model, arguments.batch, arguments.context, vocabulary)
    elif arguments.phase == "train":
        make = lambda: train_step(model, ids)
    else:
        make = lambda: prefill_step(model, ids)
    if arguments.compile:
        model.compile()
    step = make()
    for _ in range(WARM_STEPS):
        step()
    torch.cuda.synchronize()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)

    arguments.output.mkdir(parents=True, exist_ok=True)
    name = arguments.name or arguments.model.split("/")[-1].lower()
    mode = "compile" if arguments.compile else "eager"
    shape = f"{arguments.batch}x{arguments.context if arguments.phase == 'decode' else arguments.sequence}"
    path = arguments.output / f"{name}-{arguments.phase}-{shape}-{mode}-{arguments.dtype}.json.gz"
    events = export(profiled(step), path)
    kernels = device_events(events)
    run = {
        "trace": path.name,
        "model": name,
        "layers": model.config.num_hidden_layers,
        "phase": arguments.phase,
        "batch": arguments.batch,
        "sequence": arguments.sequence,
        "context": arguments.context,
        "mode": mode,
        "dtype": arguments.dtype,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "gpu": torch.cuda.get_device_name(),
        "wall_us": round(1e6 * statistics.median(times), 1),
        "kernel_us": round(sum(e["dur"] for e in kernels) / STEPS, 1),
        "kernels": len(kernels) / STEPS,
    }
    if not arguments.compile:
        annotate(model)
        sums = norm_seconds(export(profiled(step), path.with_name("norms.json.gz")))
        path.with_name("norms.json.gz").unlink()
        for direction, (micros, count) in sums.items():
            run[f"norm_{direction}_us"] = round(micros / STEPS, 1)
            run[f"norm_{direction}_kernels"] = count / STEPS
    with open(arguments.output / "runs.jsonl", "a") as file:
        file.write(json.dumps(run) + "\n")
    print(json.dumps(run))


if __name__ == "__main__":
    main()
