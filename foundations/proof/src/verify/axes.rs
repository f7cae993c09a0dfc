//! The nine axes of a verdict, each pass, fail or unchecked with its reason (spec/verdict.md "Axes").

use super::{Misuse, Reason};
use alloc::collections::BTreeSet;

/// One question about the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Axis {
    /// Are the records whole and linked?
    Integrity,
    /// Did the trusted key sign them?
    Authenticity,
    /// Are they the leaves of the checkpoint's tree?
    Inclusion,
    /// Do they agree with what the verifier kept?
    Consistency,
    /// Are they all there were?
    Completeness,
    /// Is the key still good?
    KeyStatus,
    /// Is the time more than a claim?
    Time,
    /// Has every intent its outcome?
    Pairing,
    /// Do the opened values fit?
    Disclosure,
}

impl Axis {
    /// All axes, in the order of the spec.
    pub const ALL: [Self; 9] =
        [Self::Integrity, Self::Authenticity, Self::Inclusion, Self::Consistency, Self::Completeness, Self::KeyStatus, Self::Time, Self::Pairing, Self::Disclosure];

    /// What a policy requires when it says nothing.
    pub const REQUIRED_BY_DEFAULT: [Self; 6] = [Self::Integrity, Self::Authenticity, Self::Inclusion, Self::Consistency, Self::Completeness, Self::KeyStatus];

    /// The word in the spec, in JSON and in `--require`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Authenticity => "authenticity",
            Self::Inclusion => "inclusion",
            Self::Consistency => "consistency",
            Self::Completeness => "completeness",
            Self::KeyStatus => "key-status",
            Self::Time => "time",
            Self::Pairing => "pairing",
            Self::Disclosure => "disclosure",
        }
    }

    /// From its word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.name() == name)
    }

    /// From the words of a policy.
    ///
    /// # Errors
    /// [`Misuse::Require`] if one is no axis.
    pub fn set_of(names: &[impl AsRef<str>]) -> Result<BTreeSet<Self>, Misuse> {
        names.iter().map(|name| Self::from_name(name.as_ref()).ok_or(Misuse::Require)).collect()
    }
}

/// The answer on one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisState {
    /// Established.
    Pass,
    /// Contradicted.
    Fail(Reason),
    /// Neither.
    Unchecked(Reason),
}

impl AxisState {
    /// `pass`, `fail` or `unchecked`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Unchecked(_) => "unchecked",
        }
    }

    /// Why it does not pass.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Pass => None,
            Self::Fail(reason) | Self::Unchecked(reason) => Some(reason),
        }
    }
}

/// The answers on all axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes([AxisState; Axis::ALL.len()]);

impl Axes {
    /// All axes unchecked, because something failed before they were reached.
    pub(super) fn not_reached() -> Self {
        Self([AxisState::Unchecked(Reason::NotReached); Axis::ALL.len()])
    }

    /// The answer on one axis.
    pub fn get(&self, axis: Axis) -> AxisState {
        // The array has one place for each variant.
        self.0.get(axis as usize).copied().unwrap_or(AxisState::Unchecked(Reason::NotReached))
    }

    pub(super) fn set(&mut self, axis: Axis, state: AxisState) {
        if let Some(place) = self.0.get_mut(axis as usize) {
            *place = state;
        }
    }

    /// Each axis with its answer, in the order of the spec.
    pub fn iter(&self) -> impl Iterator<Item = (Axis, AxisState)> {
        Axis::ALL.into_iter().zip(self.0)
    }
}
