//! Who does the parts of an operation: threads that the caller hands in, or nobody but the caller itself.
#![allow(unsafe_code)]

mod resident;
pub use resident::Resident;

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Runs the parts of one operation. Work is cut by shape, never by the number of hands, so that results are equal with every crew.
pub trait Crew: Send + Sync {
    /// Calls `part(0)`, …, `part(part_count - 1)`, each once, in any order, from any threads, and returns when all have returned.
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync));
}

/// The caller's thread alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Crew for Serial {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..part_count).for_each(part);
    }
}

/// Parts whose claims fit on the stack beside a call.
const CLAIMS_MAX: usize = 1024;

/// Runs `part` for each index below `part_count` exactly once, whatever the crew does: a part is claimed before it runs, so that a crew which repeats an index
/// cannot make two threads write the same output, and one which forgets an index is found out.
pub(crate) fn run_parts(crew: &dyn Crew, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
    if part_count == 1 {
        return part(0);
    }
    let done = AtomicUsize::new(0);
    let run = |index| {
        part(index);
        done.fetch_add(1, Ordering::Release);
    };
    if part_count <= CLAIMS_MAX {
        // Each index is its own claim, so a hand that goes through indices in order reads memory in order.
        let claims = [const { AtomicU64::new(0) }; CLAIMS_MAX / 64];
        crew.run(part_count, &|index| {
            let bit = 1 << (index % 64);
            if index < part_count && claims[index / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                run(index);
            }
        });
    } else {
        let claimed = AtomicUsize::new(0);
        crew.run(part_count, &|_| {
            let index = claimed.fetch_add(1, Ordering::Relaxed);
            if index < part_count {
                run(index);
            }
        });
    }
    assert_eq!(done.load(Ordering::Acquire), part_count, "the crew returned before all parts were done");
}

/// Runs `part(row, elements of the row)` for the rows of `out`, a row-major matrix of rows of `width` elements.
pub fn each_row<T: Send>(crew: &dyn Crew, out: &mut [T], width: usize, part: impl Fn(usize, &mut [T]) + Sync) {
    assert!(width > 0 && out.len().is_multiple_of(width), "{} elements do not make rows of {width}", out.len());
    let row_count = out.len() / width;
    let shared = Shared::new(out);
    run_parts(crew, row_count, &|row| {
        // SAFETY: `run_parts` gives each row index once, so no other slice of this row exists; the assertion above keeps it inside.
        let elements = unsafe { shared.slice(row * width, width) };
        part(row, elements);
    });
}

/// A slice whose elements several parts write, each its own.
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: the only access is through `slice` and `set`, whose callers promise that no element is reached by two parts.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), owner: PhantomData }
    }

    /// # Safety
    /// No other reference to these elements may exist while the result lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, from: usize, len: usize) -> &mut [T] {
        assert!(from <= self.len && len <= self.len - from, "a part reaches past its output");
        // SAFETY: inside the slice by the assertion; alone by the caller's promise.
        let start = unsafe { self.start.add(from) };
        // SAFETY: as above; the elements are initialised because a slice was borrowed.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }

    /// # Safety
    /// No other part may reach this element.
    #[inline(always)]
    pub(crate) unsafe fn set(&self, index: usize, value: T)
    where
        T: Copy,
    {
        assert!(index < self.len, "a part reaches past its output");
        // SAFETY: inside the slice by the assertion.
        let element = unsafe { self.start.add(index) };
        // SAFETY: alone by the caller's promise.
        unsafe { element.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs every index twice.
    struct Stutter;
    impl Crew for Stutter {
        fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
            (0..2 * part_count).for_each(part);
        }
    }

    /// Forgets the last index.
    struct Lazy;
    impl Crew for Lazy {
        fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
            (1..part_count).for_each(part);
        }
    }

    #[test]
    fn each_part_runs_once_even_if_the_crew_repeats_itself() {
        for row_count in [4, CLAIMS_MAX, CLAIMS_MAX + 1] {
            let mut out = vec![0; 3 * row_count];
            each_row(&Stutter, &mut out, 3, |row, elements| elements.iter_mut().for_each(|x| *x += row + 1));
            assert!(out.iter().enumerate().all(|(index, &value)| value == index / 3 + 1), "{row_count} rows");
        }
    }

    #[test]
    #[should_panic(expected = "before all parts were done")]
    fn a_crew_that_forgets_a_part_is_found_out() {
        each_row(&Lazy, &mut [0; 12], 3, |_, _| {});
    }
}
