//! What a vector backend is: field elements side by side, and the curve written once on top.
//!
//! A vector register holds one limb of several independent field elements, one a *lane*. The same
//! instructions then do the same work on every lane, so an operation on points costs as much for
//! four or eight of them as for one. Nothing moves between lanes.
//!
//! ```text
//! avx2::Cpu, avx512::Cpu      proof that this CPU has the instructions
//!   LaneField                 field elements in lanes: two implementations
//!     curve                   points and the group law
//!     multiply, fixed         multiplication by secret scalars
//!     multiscalar             sums of products
//!     ristretto, encode       the map from bytes, decoding, encoding
//!       batch                 slices in, slices out, remainders
//! ```
//!
//! # How generic code gets compiled for an instruction set
//!
//! A function that is generic over [`LaneField`] carries no instruction set of its own, so it must
//! become part of one that does: everything here is `#[inline(always)]`, and [`Cpu::run`] is the
//! function that it ends up in. Where a call is wanted, to keep the code small or the compiler's
//! job easy, the callee's body is passed to [`Cpu::outlined`]. A closure counts as a function here,
//! and an iterator's adaptor takes one: what is hot has none that is not marked.

mod batch;
mod curve;
mod digits;
mod encode;
mod field_constants;
mod fixed;
pub(super) mod limbs;
mod multiply;
mod multiscalar;
#[cfg(test)]
pub(super) mod oracle;
mod ristretto;

pub(in crate::group) use batch::Lanes;
pub(in crate::group) use curve::Extended;
pub(in crate::group) use fixed::FixedTable;

use limbs::Limbs;

/// The most lanes that a backend has. Lane arrays are this long; narrower backends use the front.
pub(in crate::group) const MAX_LANES: usize = 8;

/// One value for every lane.
pub(in crate::group) type PerLane<T> = [T; MAX_LANES];

/// Proof that the CPU has the instructions of a backend: a value exists only once they were seen.
///
/// Field elements and masks are made from one, so holding any of these is proof as well. That is
/// what the `unsafe` blocks in the backends rest on.
pub(in crate::group) trait Cpu: Copy + Send + Sync + 'static {
    /// Field elements in the lanes of this CPU.
    type Field: LaneField<Cpu = Self>;

    /// Lanes in a vector: at most [`MAX_LANES`].
    const LANES: usize;

    /// Runs `f`, compiled for these instructions, in the floating-point environment they need.
    fn run<R>(self, f: impl FnOnce() -> R) -> R;

    /// Runs `f`, compiled for these instructions, as a function of its own.
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R;
}

/// A yes or no for every lane, kept as a vector so that nothing branches on it.
pub(in crate::group) trait LaneMask: Copy {
    /// Yes where both are.
    fn and(self, other: Self) -> Self;
    /// Yes where at least one is.
    fn or(self, other: Self) -> Self;
    /// Yes where this is no.
    fn not(self) -> Self;
    /// Bit `i` is the answer of lane `i`. What is done with it is then public.
    fn to_bits(self) -> u8;
}

/// Elements of the field of integers modulo `p = 2^255 - 19`, one a lane.
///
/// Values are always *reduced* in the sense of the representation: every method takes and gives
/// such values, and none needs more. The representation may be redundant; [`to_limbs`] gives the
/// canonical form. Every operation takes the same time whatever the values.
///
/// What multiplies is large: [`mul`] and [`square`] are functions of their own in the program, the
/// others become part of their caller.
///
/// [`mul`]: LaneField::mul
/// [`square`]: LaneField::square
///
/// Two methods beyond the field's own exist because their intermediate sums can be left unreduced:
/// [`products`] and [`doubling`] are the two halves of the group law.
///
/// [`to_limbs`]: LaneField::to_limbs
/// [`products`]: LaneField::products
/// [`doubling`]: LaneField::doubling
pub(in crate::group) trait LaneField: Copy + Send + Sync {
    /// The proof that these are made from.
    type Cpu: Cpu<Field = Self>;
    /// Answers to questions about the lanes.
    type Mask: LaneMask;

    /// The same element in every lane. `limbs` are below `2^51`.
    fn splat(cpu: Self::Cpu, limbs: &Limbs) -> Self;
    /// One element a lane; lanes beyond the backend's are ignored. All limbs are below `2^51`.
    fn from_limbs(cpu: Self::Cpu, lanes: &PerLane<Limbs>) -> Self;
    /// The canonical form of every lane; lanes that the backend does not have are zero.
    fn to_limbs(&self) -> PerLane<Limbs>;

    /// `self + other`
    fn add(&self, other: &Self) -> Self;
    /// `self - other`
    fn sub(&self, other: &Self) -> Self;
    /// `-self`
    fn neg(&self) -> Self;
    /// `self * other`, as part of the caller.
    fn mul_inlined(&self, other: &Self) -> Self;
    /// `self^2`, as part of the caller.
    fn square_inlined(&self) -> Self;
    /// The proof that this was made from.
    fn cpu(&self) -> Self::Cpu;

    /// `self * other`
    #[inline(always)]
    fn mul(&self, other: &Self) -> Self {
        self.cpu().outlined(
            #[inline(always)]
            || self.mul_inlined(other),
        )
    }

    /// `self^2`
    #[inline(always)]
    fn square(&self) -> Self {
        self.cpu().outlined(
            #[inline(always)]
            || self.square_inlined(),
        )
    }

    /// `(a b + c d, a b - c d)`
    fn products(a: &Self, b: &Self, c: &Self, d: &Self) -> (Self, Self);
    /// `[2 x y, 2 z^2 + x^2 - y^2, y^2 - x^2, x^2 + y^2]`
    fn doubling(x: &Self, y: &Self, z: &Self) -> [Self; 4];

    /// `yes` in the lanes where `mask` is yes, `no` in the others.
    fn select(no: &Self, yes: &Self, mask: Self::Mask) -> Self;
    /// `-self` in the lanes where `mask` is yes, `self` in the others.
    fn negate_if(&self, mask: Self::Mask) -> Self;
    /// Which lanes are zero.
    fn is_zero(&self) -> Self::Mask;
    /// Which lanes are negative: odd in canonical form, RFC 9496 section 3.1.
    fn is_negative(&self) -> Self::Mask;
    /// The limbs of lane 0 as this representation has them, for [`LaneField::lookup`].
    fn to_words(&self) -> [u64; 5];
    /// In every lane, of eight elements the one whose number is in the low three bits of its place.
    /// `words[k][i]` is word `k` of element `i`.
    fn lookup(cpu: Self::Cpu, words: &[[u64; 8]; 5], places: &PerLane<u8>) -> Self;
    /// In which lanes `values` has one of `bits`.
    fn test_bits(cpu: Self::Cpu, values: &PerLane<u8>, bits: u8) -> Self::Mask;
}
