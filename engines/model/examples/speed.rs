//! Tokens per second of a model of seeded random weights: `cargo run --release -p mickai-model --example speed -- qwen2.5-0.5b q8_0 2`.
//!
//! Arguments: shape (`embedded`, `qwen2.5-0.5b`), element type, threads, and optionally the instructions (`scalar`, `avx2+fma`, `avx512`, `neon`).
//! CPU seconds stand beside wall seconds because neighbours disturb; they are those of the whole process.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads the clock")]

use mickai_kernels::crew::{Crew, Serial};
use mickai_kernels::element::ElementType;
use mickai_kernels::isa::Isa;
use mickai_model::config::{Architecture, Config};
use mickai_model::forward::{Session, Weights};
use mickai_model::tensor::{RowOrder, Tensor};
use mickai_model::tokens::Token;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

const PROMPT_TOKENS: u32 = 128;
const GENERATED_TOKENS: u32 = 64;

struct Threads(rayon::ThreadPool);

impl Crew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.0.install(|| (0..part_count).into_par_iter().for_each(part));
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [shape, element, threads, isa @ ..] = &args[..] else {
        println!("usage: speed <embedded|qwen2.5-0.5b> <type> <threads> [isa]");
        return;
    };
    let element = ElementType::ALL.into_iter().find(|known| known.name() == element).unwrap();
    let isa = isa.first().map_or(Isa::best(), |name| Isa::named(name).unwrap());
    let crew: Arc<dyn Crew> = match threads.parse().unwrap() {
        1 => Arc::new(Serial),
        count => Arc::new(Threads(rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap())),
    };
    let config = config(shape == "embedded");
    let weights = Arc::new(Weights::bind(&config, &tensors(&config, element)).unwrap());
    let mut session = Session::new(weights, 1024, crew, isa).unwrap();

    let prompt: Vec<Token> = (0..PROMPT_TOKENS).map(|i| Token(i * 7 % 1000)).collect();
    let measure = |name: &str, tokens: u32, work: &mut dyn FnMut()| {
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        work();
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        println!(
            "speed/{name} shape={shape} type={} isa={} threads={threads}: {:.1} tokens/s, {cpu:.2} s CPU in {wall:.2} s",
            element.name(),
            isa.name(),
            f64::from(tokens) / wall
        );
    };
    measure("prompt", PROMPT_TOKENS, &mut || session.feed(&prompt).unwrap());
    measure("generation", GENERATED_TOKENS, &mut || (0..GENERATED_TOKENS).for_each(|i| session.feed(&[Token(i)]).unwrap()));
    println!("context beside the weights: {} bytes", session.byte_count());
}

fn config(small: bool) -> Config {
    let pick = |embedded: usize, qwen: usize| if small { embedded } else { qwen };
    Config {
        architecture: Architecture::Llama,
        vocab_count: pick(4096, 151_936),
        width: pick(256, 896),
        layer_count: pick(4, 24),
        head_count: pick(4, 14),
        kv_head_count: 2,
        head_width: 64,
        ffn_width: pick(512, 4864),
        context_tokens_max: 32_768,
        norm_eps: 1e-6,
        rope_base: 1e6,
        rope_factors: None,
        tied: true,
    }
}

fn tensors(config: &Config, element: ElementType) -> BTreeMap<String, Tensor> {
    let (width, ffn, heads, keys) = (config.width, config.ffn_width, config.head_count * config.head_width, config.kv_head_count * config.head_width);
    let mut random = 1u64;
    let mut tensors = BTreeMap::new();
    let mut add = |name: String, shape: Vec<usize>, element: ElementType| {
        let bytes = random_blocks(&mut random, element, shape.iter().product::<usize>() / element.block_elements());
        let range = 0..bytes.len();
        tensors.insert(name.clone(), Tensor::new(name, shape, element, RowOrder::Canonical, Arc::new(bytes), range).unwrap());
    };
    add("model.embed_tokens.weight".into(), vec![config.vocab_count, width], element);
    add("model.norm.weight".into(), vec![width], ElementType::F32);
    let projections = [
        ("self_attn.q_proj", heads, width),
        ("self_attn.k_proj", keys, width),
        ("self_attn.v_proj", keys, width),
        ("self_attn.o_proj", width, heads),
        ("mlp.gate_proj", ffn, width),
        ("mlp.up_proj", ffn, width),
        ("mlp.down_proj", width, ffn),
    ];
    for layer in 0..config.layer_count {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            add(format!("model.layers.{layer}.{norm}.weight"), vec![width], ElementType::F32);
        }
        for (name, rows, columns) in projections {
            add(format!("model.layers.{layer}.{name}.weight"), vec![rows, columns], element);
        }
    }
    tensors
}

/// Arbitrary bits with small finite scales.
fn random_blocks(random: &mut u64, element: ElementType, count: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..count * element.block_bytes())
        .map(|_| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*random >> 56) as u8
        })
        .collect();
    let scales: &[(usize, u8)] = match element {
        ElementType::F32 => &[(3, 0x3c)],
        ElementType::Bf16 => &[(1, 0x3c)],
        ElementType::F16 => &[(1, 0x24)],
        ElementType::Q8_0 | ElementType::Q4_0 | ElementType::Q5_0 => &[(1, 0x08)],
        ElementType::Q4_1 | ElementType::Q5_1 | ElementType::Q4K | ElementType::Q5K => &[(1, 0x04), (3, 0x04)],
        ElementType::Q8K => &[(3, 0x38)],
        ElementType::Q6K => &[(209, 0x04)],
    };
    for block in bytes.chunks_exact_mut(element.block_bytes()) {
        scales.iter().for_each(|&(at, high)| block[at] = high);
    }
    bytes
}

/// User and system time of this process so far, where the system tells; ticks are hundredths of a second on Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().filter_map(|&i| fields.get(i)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}
