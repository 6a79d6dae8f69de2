"""Writes src/hugging-face/class-defaults.ts: what the config classes of transformers hold where config.json is silent.

    pip download --no-deps transformers && unzip transformers-*.whl
    python3 tools/write_class_defaults.py transformers/

Reads their sources, so that nothing of transformers needs to run. Types that are not in this list keep their defaults
in code that is loaded from the hub; their keys must be there.
"""

import ast
import json
import pathlib
import sys

TYPES = """
apertus arcee camembert clip_text_model clip_vision_model cohere cohere2 deepseek_v32 distilbert dots1 electra ernie4_5
ernie4_5_moe exaone4 gemma3_text gemma4_text glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt_bigcode gptj granite
granitemoe helium hunyuan_v1_dense hunyuan_v1_moe llama llama4_text minicpm3 minimax_m2 ministral ministral3 mistral
mixtral mllama_text_model modernbert mpt nemotron olmo olmo2 olmo3 olmoe phi phi3 phimoe qwen2 qwen2_5_vl_text qwen2_moe
qwen2_vl_text qwen3 qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next qwen3_vl_moe_text qwen3_vl_text seed_oss
siglip_vision_model smollm3 stablelm starcoder2 step3p5 vit xlm-roberta
""".split()

# What a layer or a parameter count depends on.
KEYS = """
activation activation_function attention_bias attention_chunk_size attention_out_bias d_model decoder_sparse_step dim embedding_size
expansion_ratio first_k_dense_replace head_dim hidden_act hidden_activation hidden_dim hidden_size image_size
index_head_dim index_n_heads index_topk interleave_moe_layer_step intermediate_size intermediate_size_mlp kv_lora_rank
linear_conv_kernel_dim linear_key_head_dim linear_num_key_heads linear_num_value_heads linear_value_head_dim
local_attention max_position_embeddings mlp_bias moe_intermediate_size moe_k moe_layer_end_index moe_layer_interval
moe_layer_start_index moe_num_experts moe_num_shared_experts moe_topk multi_query n_embd n_head n_heads n_inner n_layer
n_layers n_positions n_routed_experts n_shared_experts no_bias no_rope_layer_interval num_attention_heads num_channels num_experts
num_experts_per_tok num_hidden_layers num_key_value_heads num_local_experts patch_size q_lora_rank qk_layernorm
qk_nope_head_dim qk_rope_head_dim qkv_bias rotary_dim share_expert_dim shared_expert_intermediate_size sliding_window
sliding_window_pattern tie_word_embeddings type_vocab_size use_bias use_parallel_residual use_qk_norm use_qkv_bias
v_head_dim vocab_size
""".split()


def literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    try:
        return eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})  # 4 * 768
    except Exception:
        return None


def class_fields(node):
    found = {}
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value is not None:
            found[item.target.id] = literal(item.value)
        elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
            found[item.targets[0].id] = literal(item.value)
    return found


def read_classes(folder):
    classes = {}
    for file in sorted(folder.glob("models/*/configuration_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = (class_fields(node), [ast.unparse(base) for base in node.bases])
    return classes


def inherited(name, classes):
    if name not in classes:
        return {}
    fields, bases = classes[name]
    result = {}
    for base in bases:
        result.update(inherited(base, classes))
    return {**result, **fields}


def main(folder):
    classes = read_classes(folder)
    by_type = {}
    for name in classes:
        fields = inherited(name, classes)
        if fields.get("model_type") in TYPES:
            by_type.setdefault(fields["model_type"], (name, fields))
    version = next(line for line in (folder / "__init__.py").read_text().splitlines() if line.startswith("__version__"))
    print("import type { Config } from \"./reader.ts\";\n")
    print(f"/** Written by tools/write_class_defaults.py from transformers {version.split(chr(34))[1]}; do not edit. */")
    print("export const CLASS_DEFAULTS: Readonly<Record<string, Config>> = {")
    for name, fields in sorted(by_type.values(), key=lambda one: one[0]):
        values = {key: fields[key] for key in KEYS if fields.get(key) is not None}
        print(f"  {name}: {{ " + ", ".join(f"{key}: {json.dumps(value)}" for key, value in values.items()) + " },")
    print("};")


main(pathlib.Path(sys.argv[1]))
