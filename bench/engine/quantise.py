"""Writes a GGUF file again with all its matrices in one type, by llama.cpp: `python quantise.py SOURCE TYPE FILE` in a venv with llama-cpp-python."""
import ctypes
import os
import sys

import llama_cpp as ll

TYPES = {
    "f32": ll.LLAMA_FTYPE_ALL_F32, "f16": ll.LLAMA_FTYPE_MOSTLY_F16, "bf16": ll.LLAMA_FTYPE_MOSTLY_BF16, "q8_0": ll.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_0": ll.LLAMA_FTYPE_MOSTLY_Q4_0,
    "q4_1": ll.LLAMA_FTYPE_MOSTLY_Q4_1, "q5_0": ll.LLAMA_FTYPE_MOSTLY_Q5_0, "q5_1": ll.LLAMA_FTYPE_MOSTLY_Q5_1, "q4_k": ll.LLAMA_FTYPE_MOSTLY_Q4_K_S, "q5_k": ll.LLAMA_FTYPE_MOSTLY_Q5_K_S,
    "q6_k": ll.LLAMA_FTYPE_MOSTLY_Q6_K,
}


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(_level, _text, _data):
    pass


def main():
    ll.llama_log_set(silent, None)
    source, kind, path = sys.argv[1:]
    parameters = ll.llama_model_quantize_default_params()
    # Without this the K types are mixtures, and the figure of a type would be partly another's.
    parameters.ftype, parameters.pure, parameters.nthread = TYPES[kind], True, os.cpu_count()
    if ll.llama_model_quantize(source.encode(), (path + ".part").encode(), parameters) != 0:
        sys.exit(f"{path}: llama.cpp did not quantise")
    os.rename(path + ".part", path)


main()
