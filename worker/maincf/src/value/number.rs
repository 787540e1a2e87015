//! Whole numbers, and the wrappers that put their range into the type.

use std::ops::Deref;
use std::time::Duration;

use super::{Value, ValueError};

macro_rules! whole_number {
    ($($ty:ty),*) => { $(
        impl Value for $ty {
            const KIND: &'static str = "whole number";

            fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
                text.parse().map_err(|reason: std::num::ParseIntError| match reason.kind() {
                    std::num::IntErrorKind::PosOverflow => ValueError::TooLarge(Self::MAX.into()),
                    _ => ValueError::NotANumber(reason),
                })
            }
        }
    )* };
}
whole_number!(u32, u64);

/// A value greater than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Positive<T>(T);

impl<T: Copy> Positive<T> {
    /// The plain value.
    pub fn get(self) -> T {
        self.0
    }
}

impl<T> Deref for Positive<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Value + Default + PartialOrd> Positive<T> {
    /// `None` for zero.
    pub fn new(value: T) -> Option<Self> {
        (value > T::default()).then_some(Self(value))
    }
}

macro_rules! positive {
    ($($ty:ty, $kind:literal, $unlimited:literal;)*) => { $(
        impl Value for Positive<$ty> {
            const KIND: &'static str = $kind;

            fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
                Self::new(<$ty>::parse(text, default)?).ok_or(ValueError::TooSmall(1))
            }
        }

        /// `None` is "no limit", written 0.
        impl Value for Option<Positive<$ty>> {
            const KIND: &'static str = $unlimited;

            fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
                <$ty>::parse(text, default).map(Positive::new)
            }
        }
    )* };
}
positive! {
    u32, "whole number, at least 1", "whole number, 0 for no limit";
    u64, "whole number, at least 1", "whole number, 0 for no limit";
    Duration, "time, more than 0", "time, 0 for no limit";
}

/// A whole number from `LEAST` to `MOST`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Within<LEAST, MOST> {
    /// The plain value.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> Value for Within<LEAST, MOST> {
    const KIND: &'static str = "whole number in a range";

    fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
        match u32::parse(text, default)? {
            value if value < LEAST => Err(ValueError::TooSmall(LEAST.into())),
            value if value > MOST => Err(ValueError::TooLarge(MOST.into())),
            value => Ok(Self(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_limit_only_where_the_type_says_so() {
        assert_eq!(Option::<Positive<u32>>::parse("0", ""), Ok(None));
        assert_eq!(Option::<Positive<u32>>::parse("7", "").unwrap().unwrap().get(), 7);
        assert_eq!(Positive::<u32>::parse("0", ""), Err(ValueError::TooSmall(1)));
        assert_eq!(Positive::<Duration>::parse("0", "1s"), Err(ValueError::TooSmall(1)));
    }

    #[test]
    fn numbers_say_what_is_wrong() {
        assert_eq!(u32::parse("4294967296", ""), Err(ValueError::TooLarge(4_294_967_295)));
        assert!(matches!(u32::parse("-1", ""), Err(ValueError::NotANumber(_))));
        assert!(matches!(u64::parse("10M", ""), Err(ValueError::NotANumber(_))));
        assert_eq!(Within::<2, 6>::parse("7", ""), Err(ValueError::TooLarge(6)));
        assert_eq!(Within::<2, 6>::parse("1", ""), Err(ValueError::TooSmall(2)));
        assert_eq!(Within::<2, 6>::parse("6", "").unwrap().get(), 6);
    }
}
