//! One page of keys and values in f32: one attention chunk of positions, all layers, `[layer][kv head]{ keys by panels, values }`.

use crate::config::Config;
use mickai_kernels::attention::{CHUNK, Chunk, PANEL, key_index};
use mickai_kernels::memory::Room;

/// Positions of one page: an attention chunk, so that a page is what attention reads at a time.
pub const PAGE_TOKENS: usize = CHUNK;

/// The room of one page.
pub(super) type Page = Room<f32>;

/// How a page of a model lies.
#[derive(Clone, Copy)]
pub(super) struct PageShape {
    layer_count: usize,
    kv_head_count: usize,
    head_width: usize,
}

/// Bytes of one page of such a model; the greatest number where they are more than that.
pub(crate) fn page_bytes(config: &Config) -> u64 {
    let factors = [config.layer_count, config.kv_head_count, 2 * CHUNK, config.head_width, size_of::<f32>()];
    factors.into_iter().fold(1, |bytes: u64, factor| bytes.saturating_mul(factor as u64))
}

impl PageShape {
    pub(super) fn new(config: &Config) -> Self {
        Self { layer_count: config.layer_count, kv_head_count: config.kv_head_count, head_width: config.head_width }
    }

    /// An empty page.
    pub(super) fn page(&self) -> Page {
        Room::new(self.layer_count * self.kv_head_count * self.head_len())
    }

    pub(super) fn byte_count(&self) -> usize {
        self.layer_count * self.kv_head_count * self.head_len() * size_of::<f32>()
    }

    /// Stores the keys and values (`kv_head_count · head_width` each) of position `inside` the page in one layer.
    pub(super) fn put(&self, page: &mut Page, layer: usize, inside: usize, keys: &[f32], values: &[f32]) {
        let width = self.head_width;
        for head in 0..self.kv_head_count {
            let (panels, rows) = page[self.start(layer, head)..][..self.head_len()].split_at_mut(CHUNK * width);
            let from = head * width..(head + 1) * width;
            for (d, &key) in keys[from.clone()].iter().enumerate() {
                panels[key_index(inside, width) + d * PANEL] = key;
            }
            rows[inside * width..][..width].copy_from_slice(&values[from]);
        }
    }

    /// One head's keys and values.
    pub(super) fn chunk<'a>(&self, page: &'a Page, layer: usize, kv_head: usize) -> Chunk<'a> {
        let (keys, values) = page[self.start(layer, kv_head)..][..self.head_len()].split_at(CHUNK * self.head_width);
        Chunk { keys, values }
    }

    /// Copies the first `count` positions. Those that follow in the same panel of keys come along: nothing sees them before they are written anew.
    pub(super) fn copy(&self, from: &Page, to: &mut Page, count: usize) {
        let (keys, values) = (count.next_multiple_of(PANEL) * self.head_width, count * self.head_width);
        for layer in 0..self.layer_count {
            for head in 0..self.kv_head_count {
                let (start, middle) = (self.start(layer, head), self.start(layer, head) + CHUNK * self.head_width);
                to[start..][..keys].copy_from_slice(&from[start..][..keys]);
                to[middle..][..values].copy_from_slice(&from[middle..][..values]);
            }
        }
    }

    fn head_len(&self) -> usize {
        2 * CHUNK * self.head_width
    }

    fn start(&self, layer: usize, kv_head: usize) -> usize {
        (layer * self.kv_head_count + kv_head) * self.head_len()
    }
}
