//! Long-lived room for weights, caches and intermediate values: zeroed, on cache lines, and on large pages where the system has them.
#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, to which [`Room`] is aligned.
pub const LINE: usize = 64;
/// Below this many bytes large pages cannot help.
#[cfg(target_os = "linux")]
const LARGE_PAGE: usize = 2 << 20;

/// Plain numbers whose 0 is all zeros, so that fresh memory of the system need not be written.
pub trait Plain: Copy + Send + Sync + sealed::Sealed {
    /// So many zeros.
    fn zeros(len: usize) -> Vec<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

impl Plain for u8 {
    fn zeros(len: usize) -> Vec<u8> {
        vec![0; len]
    }
}

impl Plain for f32 {
    fn zeros(len: usize) -> Vec<f32> {
        vec![0.0; len]
    }
}

/// A fixed number of elements, at first 0. Pages are taken from the system when they are first written.
pub struct Room<T> {
    /// Longer than asked for by what the alignment may need.
    elements: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Plain> Room<T> {
    /// Room for `len` elements.
    pub fn new(len: usize) -> Self {
        let elements = T::zeros(len + LINE / size_of::<T>());
        // Nothing is written yet, so the pages that come are large from the start.
        advise_large_pages(&elements);
        let past = elements.as_ptr().addr() % LINE;
        let start = if past == 0 { 0 } else { (LINE - past) / size_of::<T>() };
        Self { elements, start, len }
    }
}

impl<T> Deref for Room<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements[self.start..][..self.len]
    }
}

impl<T> DerefMut for Room<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.start..][..self.len]
    }
}

/// Asks the system for large pages under whole megabytes: a table of small ones costs a fifth of the memory's speed.
#[cfg(target_os = "linux")]
fn advise_large_pages<T: Plain>(elements: &[T]) {
    const PAGE: usize = 4096;
    let skipped = elements.as_ptr().addr().next_multiple_of(PAGE) - elements.as_ptr().addr();
    let len = size_of_val(elements).saturating_sub(skipped) / PAGE * PAGE;
    if len < LARGE_PAGE {
        return;
    }
    let start = elements.as_ptr().wrapping_byte_add(skipped).cast_mut().cast();
    // SAFETY: whole pages inside a live allocation, and the advice changes no content. It may fail where the system has no such pages; then they stay small.
    let _ = unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
fn advise_large_pages<T: Plain>(_: &[T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_aligned_and_zero() {
        for len in [0, 1, 63, 1000, 3 << 20] {
            let mut room = Room::<u8>::new(len);
            assert!(room.as_ptr().addr().is_multiple_of(LINE) && room.len() == len && room.iter().all(|&byte| byte == 0));
            room.fill(7);
            let floats = Room::<f32>::new(len);
            assert!(floats.as_ptr().addr().is_multiple_of(LINE) && floats.len() == len && floats.iter().all(|&x| x == 0.0));
        }
    }
}
