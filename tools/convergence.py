"""Does a cheaper norm hurt convergence? Train small byte-level language models with each and compare the final loss.

    python3 convergence.py -o convergence.jsonl [--sizes 10,50] [--seeds 5] [--minutes 9]

The corpus is Python's own standard library, which is on every machine: its files in a fixed order, one in ten held out.
Models are pre-norm transformers (causal attention, GELU, learned positions, 256 bytes of vocabulary) that differ in the
norm alone: LayerNorm, RMSNorm, DyT (a tanh of alpha times x, with weight and bias), and none. Every norm sees the same
batches in the same order and starts from the same weights; a seed changes both. AdamW, bf16 arithmetic, cosine schedule.
A run that ends in a loss that is no number is written as `diverged`. One JSON row a run, with the loss in nats a byte.
"""
import argparse
import json
import math
import pathlib
import sysconfig
import time

import torch
from torch import nn
from torch.nn import functional as F

CONTEXT = 256
#: layers, width, heads, batch, steps, learning rate by millions of parameters
SIZES = {
    10: dict(layers=6, width=384, heads=6, batch=64, steps=1000, rate=1e-3),
    50: dict(layers=16, width=512, heads=8, batch=64, steps=600, rate=6e-4),
}


class DyT(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return torch.tanh(self.alpha * x) * self.weight + self.bias


NORMS = {
    "layernorm": nn.LayerNorm,
    "rmsnorm": lambda width: nn.RMSNorm(width, eps=1e-6),
    "dyt": DyT,
    "none": lambda _: nn.Identity(),
}


class Block(nn.Module):
    def __init__(self, width, heads, norm):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.ffn_norm = norm(width), norm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(F.gelu(self.up(self.ffn_norm(x))))


class Model(nn.Module):
    def __init__(self, layers, width, heads, norm):
        super().__init__()
        self.bytes, self.positions = nn.Embedding(256, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(Block(width, heads, norm) for _ in range(layers))
        self.norm, self.head = norm(width), nn.Linear(width, 256)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                small = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * layers) if small else 1))

    def forward(self, tokens):
        x = self.bytes(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def corpus():
    """Training and held-out bytes."""
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    files = [p for p in sorted(root.rglob("*.py")) if "site-packages" not in p.parts and "dist-packages" not in p.parts]
    parts = [b"".join(p.read_bytes() for i, p in enumerate(files) if (i % 10 == 0) == held) for held in (False, True)]
    return [torch.frombuffer(bytearray(part), dtype=torch.uint8).cuda() for part in parts]


def windows(data, starts):
    at = starts[:, None] + torch.arange(CONTEXT + 1, device="cuda")
    found = data[at].long()
    return found[:, :-1], found[:, 1:]


def loss_of(model, data, starts):
    tokens, targets = windows(data, starts)
    with torch.autocast("cuda", torch.bfloat16):
        logits = model(tokens)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


def train(millions, norm, seed, train_data, held_data):
    size = SIZES[millions]
    torch.manual_seed(seed)
    model = Model(size["layers"], size["width"], size["heads"], NORMS[norm]).cuda()
    draws = torch.Generator("cuda").manual_seed(1000 + seed)
    steps, batch = size["steps"], size["batch"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=size["rate"], betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    warm = steps // 20
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm, 0.1 + 0.45 * (1 + math.cos(math.pi * max(0, step - warm) / (steps - warm)))),
    )
    for _ in range(steps):
        starts = torch.randint(len(train_data) - CONTEXT - 1, (batch,), generator=draws, device="cuda")
        loss = loss_of(model, train_data, starts)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        starts = torch.linspace(0, len(held_data) - CONTEXT - 2, 2048, device="cuda").long()
        held = torch.stack([loss_of(model, held_data, part) for part in starts.split(batch)]).mean().item()
    parameters = sum(weight.numel() for weight in model.parameters())
    return {
        "kind": "training-run",
        "millions": millions,
        "parameters": parameters,
        "norm": norm,
        "seed": seed,
        "steps": steps,
        "tokens": steps * batch * CONTEXT,
        **({"heldOutLossNats": round(held, 6)} if math.isfinite(held) else {"diverged": True}),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--sizes", default="10,50")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=9)
    options = parser.parse_args()
    began = time.time()
    train_data, held_data = corpus()
    with open(options.output, "w") as out:
        about = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
        bytes_of = {"trainBytes": len(train_data), "heldOutBytes": len(held_data)}
        out.write(json.dumps({"kind": "environment", **about, **bytes_of}) + "\n")
        for millions in map(int, options.sizes.split(",")):
            for seed in range(options.seeds):
                # a seed with all norms or with none: they are compared in pairs
                if time.time() - began > 60 * options.minutes:
                    print("out of time before", millions, seed)
                    return
                for norm in NORMS:
                    row = train(millions, norm, seed, train_data, held_data)
                    out.write(json.dumps(row) + "\n")
                    out.flush()
                    print(round(time.time() - began), row, flush=True)


if __name__ == "__main__":
    main()
