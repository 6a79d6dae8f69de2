#!/usr/bin/env python3
"""Count the FLOPs of one layer of Hugging Face models with PyTorch's own counter.

    python3 count_flops.py configs.json > flops.jsonl

`configs.json` maps names to the contents of config.json files. Needs PyTorch, transformers and a GPU with room
for two layers. Each model is built with one
layer and with two (their difference is a layer), all weights zero, and asked for a prefill of BATCH x SEQUENCE tokens with
attention written out: all pairs are counted, also those that a mask hides. Matrix products only, as the counter has it.
"""

import copy
import json
import sys

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

BATCH, SEQUENCE = 2, 48
LAYER_KEYS = ("num_hidden_layers", "n_layer", "num_layers")


def with_layers(config, layers):
    config = copy.deepcopy(config)
    inner = config.get("text_config", config)
    for key in LAYER_KEYS:
        if key in inner:
            inner[key] = layers
    # the kinds of layers that a config lists one by one follow the number of layers
    inner.pop("layer_types", None)
    # how positions are stretched costs nothing
    inner.pop("rope_scaling", None)
    for key in ("final_logit_softcapping", "attn_logit_softcapping"):
        if isinstance(inner.get(key), int):
            inner[key] = float(inner[key])
    # of a model whose first layers are dense, one with experts is counted
    if "first_k_dense_replace" in inner:
        inner["first_k_dense_replace"] = 0
    return config


def count(config, layers):
    given = with_layers(config, layers)
    given = given.get("text_config", given)
    kind = given.pop("model_type")
    built = CONFIG_MAPPING[kind](**{key: value for key, value in given.items() if key not in ("architectures", "transformers_version")})
    built.dtype = torch.bfloat16
    with torch.device("meta"):
        model = AutoModel.from_config(built, attn_implementation="eager", dtype=torch.bfloat16).eval()
    model = model.to_empty(device="cuda")
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.data.zero_()
    tokens = torch.zeros(BATCH, SEQUENCE, dtype=torch.long, device="cuda")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tokens, use_cache=False)
    parameters = sum(p.numel() for p in model.parameters())
    del model
    torch.cuda.empty_cache()
    return counter.get_total_flops(), parameters


for name, config in json.load(open(sys.argv[1])).items():
    try:
        (one, small), (two, large) = count(config, 1), count(config, 2)
        print(json.dumps({"name": name, "batch": BATCH, "sequence": SEQUENCE, "flops": two - one, "parameters": large - small}), flush=True)
    except Exception as error:
        print(json.dumps({"name": name, "problem": repr(error)[:300]}), flush=True)
