"""Makes the adapters of the tiny models and reference logits: `python adapter.py` in a venv with torch, transformers, peft, gguf, cbor2, beside the models that make.py made.

Every adapter `<name>` of MODELS is written by PEFT itself, with random matrices, and gets
  <name>/                adapter_config.json, adapter_model.safetensors
  <name>.logits.f32      rows of little-endian f32, one per position of the first 40 tokens of prompt + greedy of its model: logits of a float64 run by PEFT
and `llama-64-lora.gguf` is the first in the form of llama.cpp's convert_lora_to_gguf.py. `adapters.json` holds their names by spec/model.md, from a plain reading of the page
that shares no code with the engine.
"""
import hashlib
import json
import math
import shutil
from pathlib import Path

import cbor2
import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import make

HERE = Path(__file__).parent
TOKENS = 40
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MODELS = {
    "llama-64-lora": dict(base="llama-64", seed=31, type=torch.float32, settings=dict(r=8, lora_alpha=16, target_modules=ALL)),
    "qwen2-64-lora": dict(base="qwen2-64", seed=32, type=torch.bfloat16, settings=dict(r=5, lora_alpha=7, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"])),
}


def build(name, shape):
    base = AutoModelForCausalLM.from_pretrained(HERE / shape["base"], dtype=torch.float32, attn_implementation="eager")
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **shape["settings"])).eval()
    generator = torch.Generator().manual_seed(shape["seed"])
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            if ".lora_" in key:
                parameter.copy_((0.5 / parameter.shape[1] ** 0.5 * torch.randn(parameter.shape, generator=generator)).to(shape["type"]).float())
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    weights = folder / "adapter_model.safetensors"
    save_file({key: tensor.to(shape["type"]).contiguous() for key, tensor in load_file(weights).items()}, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    config = folder / "adapter_config.json"
    settings = json.loads(config.read_text())
    settings["base_model_name_or_path"] = shape["base"]
    settings["target_modules"] = sorted(settings["target_modules"])
    config.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    return model


def write_gguf(path, folder, shape):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(shape["settings"]["lora_alpha"]))
    base = make.MODELS[shape["base"]]
    for key, tensor in sorted(load_file(folder / "adapter_model.safetensors").items()):
        name, half = key.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".", 1)
        array = tensor.numpy()
        if half == "lora_B" and ("q_proj" in name or "k_proj" in name):
            array = make.permute(array, base["heads"] if "q_proj" in name else base["kv_heads"])
        writer.add_tensor(f"{make.gguf_name(name + '.weight')}.{half.lower()}", np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def digest(folder, settings):
    """The adapter digest of a folder; tensors as they lie in the file."""
    file = (folder / "adapter_model.safetensors").read_bytes()
    header_end = 8 + int.from_bytes(file[:8], "little")
    factors = {}
    for key, entry in json.loads(file[8:header_end]).items():
        if key != "__metadata__":
            name, half = key.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".", 1)
            start, end = entry["data_offsets"]
            factors.setdefault(name, {})[half] = [entry["dtype"].lower(), hashlib.sha3_256(file[header_end + start:header_end + end]).digest()]
    scale = settings["lora_alpha"] / (math.sqrt(settings["r"]) if settings.get("use_rslora") else settings["r"])
    form = {
        "form": "mickai adapter 1", "scale": int(np.float32(scale).view(np.uint32)), "rank": settings["r"],
        "factors": [[name, *factors[name]["lora_A"], *factors[name]["lora_B"]] for name in sorted(factors)],
    }
    return hashlib.sha3_256(cbor2.dumps(form, canonical=True)).hexdigest()


def main():
    torch.set_num_threads(1)
    for name, shape in MODELS.items():
        model = build(name, shape)
        facts = json.loads((HERE / f"{shape['base']}.json").read_text())
        tokens = torch.tensor([(facts["prompt"] + facts["greedy"])[:TOKENS]])
        with torch.no_grad():
            wide = model.double()
            logits = wide(tokens).logits[0]
            with wide.disable_adapter():
                change = (logits - wide(tokens).logits[0]).abs().max()
        assert logits.dtype == torch.float64 and change > 1, (name, change)
        (HERE / f"{name}.logits.f32").write_bytes(logits.numpy().astype("<f4").tobytes())
        print(name, "changes logits by up to", float(change))
    names = {name: digest(HERE / name, shape["settings"]) for name, shape in MODELS.items()}
    (HERE / "adapters.json").write_text(json.dumps(names, indent=1) + "\n")
    write_gguf(HERE / "llama-64-lora.gguf", HERE / "llama-64-lora", MODELS["llama-64-lora"])


if __name__ == "__main__":
    main()
