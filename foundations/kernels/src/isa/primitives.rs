//! Makes a path's methods out of functions that are compiled for its instructions.

/// For each `fn name(arguments) -> type { body }` a method of `Lanes`, whose body may use the intrinsics of `$features` as the safe functions that they are there.
macro_rules! primitives {
    ($features:literal; $(fn $name:ident $(<$(const $parameter:ident: $kind:ty),+>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)? $body:block)*) => {
        $(
            #[inline(always)]
            fn $name $(<$(const $parameter: $kind),+>)? (self, $($argument: $type),*) $(-> $out)? {
                #[target_feature(enable = $features)]
                #[inline]
                fn inside $(<$(const $parameter: $kind),+>)? ($($argument: $type),*) $(-> $out)? $body
                // SAFETY: a value of this path, which `self` is, exists only where `detect` found these instructions.
                unsafe { inside $(::<$($parameter),+>)? ($($argument),*) }
            }
        )*
    };
}
pub(super) use primitives;
