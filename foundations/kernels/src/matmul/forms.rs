//! How each quantised type lies in panels: `[group]` of integers, and `[block]` of scales.

use super::panels::Panels;
use super::scales::{Half, HalfAndFactors, HalfAndMin, Scales, Single, Super};
use super::stores::{Bytes, Fives, Nibbles, Sixes, Store};
use crate::blocks::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, Q8K, Quantised, Unfolded};
use crate::dequantise::values;
use crate::element::ElementType;
use crate::isa::{LANES, Scalar};
use crate::quantise::BLOCK;

/// The integers of a group, sixteen rows.
pub(super) type GroupOf<W> = <<W as Form>::Store as Store>::Group;
/// The scales of a block, sixteen rows.
pub(super) type ScalesOf<W> = <<W as Form>::Scales as Scales>::Block;

/// A quantised type in panels.
pub(super) trait Form: Quantised {
    type Store: Store;
    type Scales: Scales;

    /// Integers and scales of a panel.
    #[inline(always)]
    fn panel<'a>(panels: &Panels<'a>, index: usize) -> (&'a [GroupOf<Self>], &'a [ScalesOf<Self>])
    where
        Self: Sized,
    {
        let groups = panels.columns() / BLOCK;
        let blocks = groups / Self::Scales::GROUPS;
        let scales = panels.scales(index, blocks * size_of::<ScalesOf<Self>>());
        (&Self::Store::groups(panels.numbers(index))[..groups], &Self::Scales::blocks(scales)[..blocks])
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

/// Bytes of the integers and of the scales of a panel of so many columns.
pub(super) fn panel_bytes(element: ElementType, columns: usize) -> Option<(usize, usize)> {
    fn bytes<W: Form>(columns: usize) -> Option<(usize, usize)> {
        let groups = columns / BLOCK;
        Some((groups.checked_mul(size_of::<GroupOf<W>>())?, (groups / W::Scales::GROUPS).checked_mul(size_of::<ScalesOf<W>>())?))
    }
    with_form!(element, bytes(columns))
}

/// Puts the integers of a stored row into lane `lane` of its panel, which holds zeros there.
pub(super) fn pack_numbers(element: ElementType, row: &[u8], lane: usize, out: &mut [u8]) {
    fn pack<W: Form>(row: &[u8], lane: usize, out: &mut [u8]) {
        let mut groups = W::Store::groups_mut(out).iter_mut();
        for block in W::blocks(row) {
            for (group, out) in groups.by_ref().take(W::GROUPS).enumerate() {
                W::Store::put(&W::unfold(block, group).q, lane, out);
            }
        }
    }
    with_form!(element, pack(row, lane, out));
}

/// Puts the scales of a stored row into lane `lane` of its panel.
pub(super) fn pack_scales(element: ElementType, row: &[u8], lane: usize, out: &mut [u8]) {
    fn pack<W: Form>(row: &[u8], lane: usize, out: &mut [u8]) {
        for (out, stored) in W::Scales::blocks_mut(out).iter_mut().zip(row.chunks_exact(size_of::<W::Block>())) {
            W::Scales::put(stored, lane, out);
        }
    }
    with_form!(element, pack(row, lane, out));
}

/// The values of row `row`, read back from its panel.
pub(super) fn read_row(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
    fn read<W: Form>(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
        let (lane, (numbers, scales)) = (row % LANES, W::panel(panels, row / LANES));
        for (index, (group, out)) in numbers.iter().zip(out.as_chunks_mut().0).enumerate() {
            let (block, index) = (&scales[index / W::GROUPS], index % W::GROUPS);
            let negative_min = W::Scales::negative_min(Scalar, block, index);
            let factors = W::Scales::factors(Scalar, block, index);
            values::<W>(
                &Unfolded {
                    q: W::Store::row(group, lane),
                    scale: W::Scales::scale(Scalar, block, index)[lane],
                    min: negative_min.map_or(0.0, |negative| -negative[lane]),
                    factors: factors.map_or([1; 2], |factors| factors.map(|factor| factor[lane] as i8)),
                },
                out,
            );
        }
    }
    with_form!(panels.element(), read(panels, row, out));
}
