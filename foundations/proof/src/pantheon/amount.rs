//! An amount of PAN, counted in obols, of which there are 5 × 10¹⁸ and never more or fewer.

use core::fmt;

/// Obols of one PAN.
pub const OBOLS_PER_PAN: u64 = 1_000_000_000;

/// Digits behind the point: an obol is the ninth.
const DECIMALS: usize = 9;

/// Obols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

/// The text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountError;

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an amount of PAN: give digits, and at most nine behind a point")
    }
}

impl core::error::Error for AmountError {}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All that there is: 5,000,000,000 PAN.
    pub const SUPPLY: Self = Self(5_000_000_000 * OBOLS_PER_PAN);

    /// That many obols. What somebody writes down may be more than there is; nobody has it.
    pub const fn from_obols(obols: u64) -> Self {
        Self(obols)
    }

    /// From a text like `12.5`, in PAN.
    ///
    /// # Errors
    /// [`AmountError`] for a sign, a tenth digit behind the point, and more than there is.
    pub fn from_pan(text: &str) -> Result<Self, AmountError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || part.len() > DECIMALS {
            return Err(AmountError);
        }
        let whole: u64 = whole.parse().map_err(|_| AmountError)?;
        let part = part.bytes().chain(core::iter::repeat(b'0')).take(DECIMALS).fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        whole.checked_mul(OBOLS_PER_PAN).and_then(|obols| obols.checked_add(part)).map(Self).filter(|amount| *amount <= Self::SUPPLY).ok_or(AmountError)
    }

    /// How many obols.
    pub const fn obols(self) -> u64 {
        self.0
    }

    /// Both; `None` for more than there is.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| *sum <= Self::SUPPLY)
    }

    /// What is left; `None` where it is not enough.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09} PAN", self.0 / OBOLS_PER_PAN, self.0 % OBOLS_PER_PAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn amounts_are_printed_and_read() {
        for (text, obols) in [("0", 0), ("1", 1_000_000_000), ("12.5", 12_500_000_000), ("0.000000001", 1), ("5000000000", 5_000_000_000_000_000_000)] {
            assert_eq!(Amount::from_pan(text).map(Amount::obols), Ok(obols), "{text}");
        }
        assert_eq!(Amount::SUPPLY.to_string(), "5000000000.000000000 PAN");
        for text in ["", ".", "1.", ".5", "-1", "+1", "1.0000000001", "1e9", " 1", "5000000000.000000001", "18446744073709551616", "20000000000", "1.5.5", "١"] {
            assert_eq!(Amount::from_pan(text), Err(AmountError), "{text}");
        }
    }

    #[test]
    fn there_is_no_more_than_there_is() {
        let one = Amount(1);
        assert_eq!((Amount::SUPPLY.checked_add(one), Amount::ZERO.checked_sub(one), Amount(u64::MAX).checked_add(one)), (None, None, None));
        assert_eq!(Amount::SUPPLY.checked_sub(one).and_then(|less| less.checked_add(one)), Some(Amount::SUPPLY));
    }
}
