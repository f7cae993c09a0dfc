//! The keys and values of all positions so far, in f32, in blocks of one attention chunk that are allocated as the context grows.

use crate::config::Config;
use mickai_kernels::attention::{CHUNK, Chunk, KeyValues, PANEL, key_index};
use mickai_kernels::memory::Room;

/// One block holds [`CHUNK`] positions of every layer: `[layer][kv head]{ keys by panels, values }`.
pub(super) struct Cache {
    blocks: Vec<Room<f32>>,
    layer_count: usize,
    kv_head_count: usize,
    head_width: usize,
}

impl Cache {
    pub(super) fn new(config: &Config) -> Self {
        Self { blocks: Vec::new(), layer_count: config.layer_count, kv_head_count: config.kv_head_count, head_width: config.head_width }
    }

    /// Makes room for positions below `position_count`.
    pub(super) fn reserve(&mut self, position_count: usize) {
        let len = self.layer_count * self.kv_head_count * 2 * CHUNK * self.head_width;
        while self.blocks.len() * CHUNK < position_count {
            self.blocks.push(Room::new(len));
        }
    }

    /// Stores the keys and values (`kv_head_count · head_width` each) of one position in one layer.
    pub(super) fn put(&mut self, layer: usize, position: usize, keys: &[f32], values: &[f32]) {
        let (width, inside) = (self.head_width, position % CHUNK);
        for head in 0..self.kv_head_count {
            let start = self.start(layer, head);
            let (panels, rows) = self.blocks[position / CHUNK].get_mut()[start..start + 2 * CHUNK * width].split_at_mut(CHUNK * width);
            let from = head * width..(head + 1) * width;
            for (d, &key) in keys[from.clone()].iter().enumerate() {
                panels[key_index(inside, width) + d * PANEL] = key;
            }
            rows[inside * width..][..width].copy_from_slice(&values[from]);
        }
    }

    /// One layer's keys and values.
    pub(super) fn layer(&self, layer: usize) -> LayerCache<'_> {
        LayerCache { cache: self, layer }
    }

    /// Bytes allocated so far.
    pub(super) fn byte_count(&self) -> usize {
        self.blocks.iter().map(|block| size_of_val(block.get())).sum()
    }

    fn start(&self, layer: usize, kv_head: usize) -> usize {
        (layer * self.kv_head_count + kv_head) * 2 * CHUNK * self.head_width
    }
}

/// The keys and values of one layer.
pub(super) struct LayerCache<'a> {
    cache: &'a Cache,
    layer: usize,
}

impl KeyValues for LayerCache<'_> {
    fn chunk(&self, _sequence: usize, kv_head: usize, index: usize) -> Chunk<'_> {
        let len = CHUNK * self.cache.head_width;
        let (keys, values) = self.cache.blocks[index].get()[self.cache.start(self.layer, kv_head)..][..2 * len].split_at(len);
        Chunk { keys, values }
    }
}
