//! How each quantised type lies in a panel: `[group]` of integers, then `[block]` of scales.

use super::scales::{Half, HalfAndFactors, HalfAndMin, Scales, Single, Super};
use super::stores::{Bytes, Fives, Nibbles, Sixes, Store};
use crate::blocks::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, Q8K, Quantised};
use crate::element::ElementType;
use crate::quantise::BLOCK;

/// The integers of a group, sixteen rows.
pub(super) type GroupOf<W> = <<W as Form>::Store as Store>::Group;
/// The scales of a block, sixteen rows.
pub(super) type ScalesOf<W> = <<W as Form>::Scales as Scales>::Block;

/// A quantised type in panels.
pub(super) trait Form: Quantised {
    type Store: Store;
    type Scales: Scales;

    /// Integers and scales of a panel of `groups` groups.
    #[inline(always)]
    fn split(panel: &[u8], groups: usize) -> (&[GroupOf<Self>], &[ScalesOf<Self>])
    where
        Self: Sized,
    {
        let (store, scales) = panel.split_at(groups * size_of::<GroupOf<Self>>());
        (&Self::Store::groups(store)[..groups], &Self::Scales::blocks(scales)[..groups / Self::Scales::GROUPS])
    }
}

macro_rules! forms {
    ($($name:ident: $store:ty, $scales:ty;)*) => {
        $(impl Form for $name {
            type Store = $store;
            type Scales = $scales;
        })*
    };
}

forms! {
    Q8_0: Bytes, Half;
    Q4_0: Nibbles<8>, Half;
    Q4_1: Nibbles<0>, HalfAndMin;
    Q5_0: Fives<16>, Half;
    Q5_1: Fives<0>, HalfAndMin;
    Q4K: Nibbles<0>, Super;
    Q5K: Fives<0>, Super;
    Q6K: Sixes, HalfAndFactors;
    Q8K: Bytes, Single;
}

/// Runs `$work::<Type>($arguments)` with the quantised type of `$element`.
macro_rules! with_form {
    ($element:expr, $work:ident $(::<$first:ty>)? ($($argument:expr),*)) => {
        match $element {
            ElementType::Q8_0 => $work::<$($first,)? Q8_0>($($argument),*),
            ElementType::Q4_0 => $work::<$($first,)? Q4_0>($($argument),*),
            ElementType::Q4_1 => $work::<$($first,)? Q4_1>($($argument),*),
            ElementType::Q5_0 => $work::<$($first,)? Q5_0>($($argument),*),
            ElementType::Q5_1 => $work::<$($first,)? Q5_1>($($argument),*),
            ElementType::Q4K => $work::<$($first,)? Q4K>($($argument),*),
            ElementType::Q5K => $work::<$($first,)? Q5K>($($argument),*),
            ElementType::Q6K => $work::<$($first,)? Q6K>($($argument),*),
            ElementType::Q8K => $work::<$($first,)? Q8K>($($argument),*),
            ElementType::F32 | ElementType::F16 | ElementType::Bf16 => unreachable!("float weights have their own rule"),
        }
    };
}
pub(super) use with_form;

/// Bytes of a panel of so many columns, before it is filled up to whole lines.
pub(super) fn panel_bytes(element: ElementType, columns: usize) -> Option<usize> {
    fn bytes<W: Form>(columns: usize) -> Option<usize> {
        let groups = columns / BLOCK;
        let store = groups.checked_mul(size_of::<GroupOf<W>>())?;
        store.checked_add((groups / W::Scales::GROUPS).checked_mul(size_of::<ScalesOf<W>>())?)
    }
    with_form!(element, bytes(columns))
}

/// Puts a stored row into lane `lane` of its panel, which holds zeros there.
pub(super) fn pack_row(element: ElementType, row: &[u8], lane: usize, panel: &mut [u8]) {
    with_form!(element, pack_row_of(row, lane, panel));
}

fn pack_row_of<W: Form>(row: &[u8], lane: usize, panel: &mut [u8]) {
    let blocks = W::blocks(row);
    let groups = blocks.len() * W::GROUPS;
    let (store, scales) = panel.split_at_mut(groups * size_of::<GroupOf<W>>());
    let (store, scales) = (W::Store::groups_mut(store), W::Scales::blocks_mut(scales));
    for (index, block) in blocks.iter().enumerate() {
        for group in 0..W::GROUPS {
            W::Store::put(&W::unfold(block, group).q, lane, &mut store[index * W::GROUPS + group]);
        }
    }
    for (scales, stored) in scales.iter_mut().zip(row.chunks_exact(size_of::<W::Block>())) {
        W::Scales::put(stored, lane, scales);
    }
}
