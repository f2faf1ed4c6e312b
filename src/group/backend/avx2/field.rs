//! The field in four lanes of 64-bit floating point, multiplied by fused multiply-add.
//!
//! AVX2 multiplies integers of 32 bits only, but its floating-point units multiply and add numbers
//! of 53 bits, two vectors a cycle, and *fused*: rounded once, after the addition. Used well, that
//! yields all 102 bits of a product of two 51-bit numbers.
//!
//! # Representation
//!
//! `x = l[0] + 2^51 l[1] + 2^102 l[2] + 2^153 l[3] + 2^204 l[4]` modulo `p = 2^255 - 19`, where
//! every limb is a whole number, held as `f64`, of either sign. *Reduced* means
//!
//! ```text
//! |l[i]| <= 2^50 + 2^13   (BOUND)
//! ```
//!
//! All methods need and give reduced values; in debug builds each of them checks it. Since limbs
//! have signs, subtraction needs no multiple of `p` to stay positive, and negation flips signs.
//!
//! # The product of two limbs
//!
//! Let `|a b| < 2^102`. Two constants, `HIGH = 1.5 * 2^103` and `LOW = 1.5 * 2^52`, make rounding do
//! the splitting:
//!
//! ```text
//! h = fma(a, b, HIGH)                 = HIGH + 2^51 q     q = a b / 2^51, rounded to nearest
//! l = fma(a, b, (HIGH + LOW) - h)     = LOW + r           r = a b - 2^51 q, |r| <= 2^50
//! ```
//!
//! `HIGH + a b` lies between `2^103` and `2^104`, where neighbouring doubles are `2^51` apart: that
//! is the rounding that makes `q`. `(HIGH + LOW) - h` is a multiple of `2^51` of less than 53 bits,
//! so exact; `LOW + r` lies between `2^52` and `2^53`, where neighbouring doubles are 1 apart, so
//! exact too. And in both intervals the next double has the next bit pattern: read as integers, `h`
//! is `bits(HIGH) + q` and `l` is `bits(LOW) + r`. Such patterns can be added up *as 64-bit
//! integers*, four a cycle, and all the constants be taken out in the end with one addition.
//!
//! # A product
//!
//! Column `k` collects the `r` of all limb products `a[i] b[j]` with `i + j = k` and the `q` of those
//! with `i + j = k - 1`. Columns 5 to 9 stand for multiples of `2^255`, which is 19 modulo `p`, and
//! are added 19-fold to columns 0 to 4. For reduced operands `|q| < 2^49.01` and `|r| <= 2^50`;
//! column 0 is the largest, with `1 + 19 * 4` of `r` and `19 * 5` of `q`:
//!
//! ```text
//! |column| <= 77 * 2^50 + 95 * 2^49.01 < 2^57
//! ```
//!
//! so four of them can be added up before they are carried: `a b + c d` and `2 z^2 + x^2 - y^2` cost
//! one carry each. A [`Columns`] counts the constants in it, for `reduce` to take out.
//!
//! # The carry
//!
//! All five columns carry at once. With `t = column + 2^50 + 2^61`, positive, the low 51 bits less
//! `2^50` are the balanced limb, and `(t >> 51) - 2^10` is the carry to the next limb, from the last
//! one 19-fold to the first. For `|column| < 2^59` the carry is at most `2^8 + 1` in magnitude, so that a
//! limb ends with `|l| <= 2^50 + 19 * (2^8 + 1) < 2^50 + 2^13`: reduced. The way back to floating point is to
//! put the exponent of `2^52` above the limb and subtract `2^52`.
//!
//! # The rounding mode
//!
//! All of this is exact in round-to-nearest only, which [`super::Cpu`] sees to. No operand is
//! subnormal, so the time of an instruction does not depend on its data.

use super::Cpu;
use super::registers::{Doubles, Integers, Mask};
use crate::group::backend::lanes::limbs::{
    self, LIMB_BITS, LIMB_MASK, Limbs, per_limb, transposed,
};
use crate::group::backend::lanes::{LaneField, LaneMask, PerLane};

/// Four field elements, limb by limb.
#[derive(Clone, Copy)]
pub(in crate::group) struct Field {
    limbs: [Doubles; 5],
    cpu: Cpu,
}

/// Sums of products that are still to be carried.
///
/// The true value of a column is `sums` less the constants of the products in it.
#[derive(Clone, Copy)]
struct Columns {
    sums: [Integers; 5],
    cpu: Cpu,
    /// Products added, less products subtracted, of which `sums` has the constants.
    products: u64,
    /// The same for squares, which add up fewer limb products.
    squares: u64,
}

/// The four methods that multiply are functions of their own in the program: inlined everywhere,
/// they overflow the cache of decoded instructions.
impl LaneField for Field {
    type Cpu = Cpu;
    type Mask = Mask;

    #[inline(always)]
    fn splat(cpu: Cpu, limbs: &Limbs) -> Self {
        Columns::from_integers(cpu, per_limb!(k => Integers::new(cpu, [limbs[k]; 4]))).reduce()
    }

    #[inline(always)]
    fn from_limbs(cpu: Cpu, lanes: &PerLane<Limbs>) -> Self {
        let words = transposed(lanes);
        Columns::from_integers(cpu, per_limb!(k => Integers::new(cpu, words[k]))).reduce()
    }

    #[inline(always)]
    fn to_limbs(&self) -> PerLane<Limbs> {
        let (x, q) = self.plus_p();
        // x - q p = x + 19 q - 2^255 q: carried, with what leaves the last limb dropped.
        let mut carry = q.mul_small(19);
        let mut words = [[0; 4]; 5];
        for (words, limb) in words.iter_mut().zip(x) {
            let sum = limb.add(carry);
            carry = sum.shr::<{ LIMB_BITS as i32 }>();
            *words = sum.and(sum.same(LIMB_MASK)).to_array();
        }
        limbs::per_lane(&words)
    }

    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        self.carried(per_limb!(k => self.limbs[k].add(other.limbs[k])))
    }

    #[inline(always)]
    fn sub(&self, other: &Self) -> Self {
        self.carried(per_limb!(k => self.limbs[k].sub(other.limbs[k])))
    }

    #[inline(always)]
    fn neg(&self) -> Self {
        Field { limbs: per_limb!(k => self.limbs[k].neg()), ..*self }
    }

    #[inline(always)]
    fn cpu(&self) -> Cpu {
        self.cpu
    }

    #[inline(always)]
    fn mul_inlined(&self, other: &Self) -> Self {
        multiply(self, other).reduce()
    }

    #[inline(always)]
    fn square_inlined(&self) -> Self {
        multiply_self(self).reduce()
    }

    #[inline(always)]
    fn products(a: &Self, b: &Self, c: &Self, d: &Self) -> (Self, Self) {
        let (ab, cd) = (multiply(a, b), multiply(c, d));
        (ab.add(&cd).reduce(), ab.sub(&cd).reduce())
    }

    /// `2 x y` is taken as `(x + y)^2 - x^2 - y^2`: a square is cheaper than a product, even with
    /// the carry that the sum needs first.
    #[inline(always)]
    fn doubling(x: &Self, y: &Self, z: &Self) -> [Self; 4] {
        let (xx, yy) = (multiply_self(x), multiply_self(y));
        let sum = xx.add(&yy);
        let difference = yy.sub(&xx);
        let zz = multiply_self(z);
        let twice_xy = multiply_self(&x.add(y)).sub(&sum);
        let f = zz.add(&zz).sub(&difference);
        [twice_xy.reduce(), f.reduce(), difference.reduce(), sum.reduce()]
    }

    #[inline(always)]
    fn select(no: &Self, yes: &Self, mask: Mask) -> Self {
        let limbs = per_limb!(k => Doubles::select(no.limbs[k], yes.limbs[k], mask));
        Field { limbs, ..*no }
    }

    #[inline(always)]
    fn negate_if(&self, mask: Mask) -> Self {
        Field { limbs: per_limb!(k => self.limbs[k].negate_if(mask)), ..*self }
    }

    /// A value of magnitude below `p` is zero modulo `p` only if it is zero; and with limbs below
    /// `2^51` it is zero only if all of them are: the lowest must be a multiple of `2^51`, and so on.
    #[inline(always)]
    fn is_zero(&self) -> Mask {
        let [a, b, c, d, e] = per_limb!(k => self.limbs[k].is_zero());
        a.and(b).and(c.and(d)).and(e)
    }

    /// The canonical form is `x - q p`, with `x` and `q` from [`Field::plus_p`]; `p` is odd, so its
    /// lowest bit is that of `x + q`.
    #[inline(always)]
    fn is_negative(&self) -> Mask {
        let (x, q) = self.plus_p();
        let lowest = x[0].add(q);
        lowest.and(lowest.same(1)).is_zero().not()
    }

    #[inline(always)]
    fn to_words(&self) -> [u64; 5] {
        per_limb!(k => self.limbs[k].bits().to_array()[0])
    }

    #[inline(always)]
    fn lookup(cpu: Cpu, words: &[[u64; 8]; 5], places: &PerLane<u8>) -> Self {
        let places = Integers::from_bytes(cpu, places);
        Field { limbs: per_limb!(k => places.lookup(&words[k]).doubles()), cpu }
    }

    #[inline(always)]
    fn test_bits(cpu: Cpu, values: &PerLane<u8>, bits: u8) -> Mask {
        let values = Integers::from_bytes(cpu, values);
        values.and(values.same(bits.into())).is_zero().not()
    }
}

/// Adds limb products to column `k`: the low parts there, the high parts to the next.
macro_rules! column {
    ($sums:ident[$k:literal] += $($product:expr),+) => {
        $(
            let (high, low) = $product;
            $sums[$k + 1] = $sums[$k + 1].add(high);
            $sums[$k] = $sums[$k].add(low);
        )+
    };
}

/// The limb product `a[i] b[j]`, split.
macro_rules! product {
    ($a:ident[$i:literal] * $b:ident[$j:literal]) => {{
        let (a, b): (&Doubles, Doubles) = (&$a[$i], $b[$j]);
        Doubles::split_product(a, b, b.same(HIGH), b.same(HIGH + LOW))
    }};
}

/// `a b`, to be carried.
///
/// The highest columns first: each is complete, and can be folded, when the one below it is.
#[inline(always)]
fn multiply(a: &Field, b: &Field) -> Columns {
    macro_rules! p {
        ($i:literal * $j:literal) => {{
            let (a, b) = (&a.limbs, &b.limbs);
            product!(a[$i] * b[$j])
        }};
    }
    let mut sums = [Integers::new(a.cpu, [0; 4]); 10];
    column!(sums[8] += p!(4 * 4));
    sums[4] = sums[9].times_19();
    column!(sums[7] += p!(3 * 4), p!(4 * 3));
    sums[3] = sums[8].times_19();
    column!(sums[6] += p!(2 * 4), p!(3 * 3), p!(4 * 2));
    sums[2] = sums[7].times_19();
    column!(sums[5] += p!(1 * 4), p!(2 * 3), p!(3 * 2), p!(4 * 1));
    sums[1] = sums[6].times_19();
    column!(sums[4] += p!(0 * 4), p!(1 * 3), p!(2 * 2), p!(3 * 1), p!(4 * 0));
    sums[0] = sums[5].times_19();
    column!(sums[3] += p!(0 * 3), p!(1 * 2), p!(2 * 1), p!(3 * 0));
    column!(sums[2] += p!(0 * 2), p!(1 * 1), p!(2 * 0));
    column!(sums[1] += p!(0 * 1), p!(1 * 0));
    column!(sums[0] += p!(0 * 0));
    let [s0, s1, s2, s3, s4, ..] = sums;
    Columns { sums: [s0, s1, s2, s3, s4], cpu: a.cpu, products: 1, squares: 0 }
}

/// `a^2`, to be carried. Limb products that occur twice are taken once, of a doubled limb, which
/// `|2 a[i] a[j]| < 2^102` allows.
#[inline(always)]
fn multiply_self(a: &Field) -> Columns {
    let limbs = &a.limbs;
    let doubled = per_limb!(k => limbs[k].add(limbs[k]));
    macro_rules! s {
        ($i:literal) => {
            product!(limbs[$i] * limbs[$i])
        };
    }
    macro_rules! p {
        ($i:literal * $j:literal) => {
            product!(limbs[$j] * doubled[$i])
        };
    }
    let mut sums = [Integers::new(a.cpu, [0; 4]); 10];
    column!(sums[8] += s!(4));
    sums[4] = sums[9].times_19();
    column!(sums[7] += p!(3 * 4));
    sums[3] = sums[8].times_19();
    column!(sums[6] += p!(2 * 4), s!(3));
    sums[2] = sums[7].times_19();
    column!(sums[5] += p!(1 * 4), p!(2 * 3));
    sums[1] = sums[6].times_19();
    column!(sums[4] += p!(0 * 4), p!(1 * 3), s!(2));
    sums[0] = sums[5].times_19();
    column!(sums[3] += p!(0 * 3), p!(1 * 2));
    column!(sums[2] += p!(0 * 2), s!(1));
    column!(sums[1] += p!(0 * 1));
    column!(sums[0] += s!(0));
    let [s0, s1, s2, s3, s4, ..] = sums;
    Columns { sums: [s0, s1, s2, s3, s4], cpu: a.cpu, products: 0, squares: 1 }
}

impl Columns {
    /// Integers of magnitude below `2^59`.
    #[inline(always)]
    fn from_integers(cpu: Cpu, sums: [Integers; 5]) -> Self {
        Columns { sums, cpu, products: 0, squares: 0 }
    }

    #[inline(always)]
    fn add(&self, other: &Columns) -> Columns {
        Columns {
            sums: per_limb!(k => self.sums[k].add(other.sums[k])),
            cpu: self.cpu,
            products: self.products.wrapping_add(other.products),
            squares: self.squares.wrapping_add(other.squares),
        }
    }

    #[inline(always)]
    fn sub(&self, other: &Columns) -> Columns {
        Columns {
            sums: per_limb!(k => self.sums[k].sub(other.sums[k])),
            cpu: self.cpu,
            products: self.products.wrapping_sub(other.products),
            squares: self.squares.wrapping_sub(other.squares),
        }
    }

    /// Takes the constants out and carries. Needs columns of magnitude below `2^59`.
    ///
    /// The counts are known where this is inlined, so [`Columns::constant`] costs nothing.
    #[inline(always)]
    fn reduce(&self) -> Field {
        let t: [Integers; 5] = per_limb!(k => {
            self.sums[k].add(self.sums[k].same(CARRY_BIAS.wrapping_sub(self.constant(k))))
        });
        if cfg!(debug_assertions) {
            for t in t.iter().flat_map(|t| t.to_array()) {
                let column = t.wrapping_sub(CARRY_BIAS) as i64;
                assert!(column.unsigned_abs() < COLUMN_BOUND, "column {column} is not below 2^59");
            }
        }
        let carry: [Integers; 5] = per_limb!(k => t[k].shr::<{ LIMB_BITS as i32 }>());
        let carry_in = [carry[4].mul_small(19), carry[0], carry[1], carry[2], carry[3]];
        // What `CARRY_BIAS` has left in the limb and in the carry into it.
        let excess = per_limb!(k => TWO_52 + TWO_50 + FROM_ABOVE[k] * 1024.0);
        let limbs = per_limb!(k => {
            let limb = t[k].and(t[k].same(LIMB_MASK)).or(t[k].same(TWO_52.to_bits()));
            let limb = limb.add(carry_in[k]).doubles();
            limb.sub(limb.same(excess[k]))
        });
        Field { limbs, cpu: self.cpu }.checked()
    }

    /// The constants in column `k`, folded: what its products and squares brought in.
    #[inline(always)]
    fn constant(&self, k: usize) -> u64 {
        let products = folded_constants(k, limb_products);
        let squares = folded_constants(k, limb_products_of_square);
        let products = self.products.wrapping_mul(products);
        products.wrapping_add(self.squares.wrapping_mul(squares))
    }
}

/// The constants that one product leaves in column `k` when columns 5 to 9 are folded.
#[inline(always)]
fn folded_constants(k: usize, limb_products: fn(usize) -> u64) -> u64 {
    let low = limb_products(k).wrapping_add(limb_products(k + 5).wrapping_mul(19));
    let high = limb_products(k + 4).wrapping_mul(19);
    let high = high.wrapping_add(if k == 0 { 0 } else { limb_products(k - 1) });
    low.wrapping_mul(LOW.to_bits()).wrapping_add(high.wrapping_mul(HIGH.to_bits()))
}

/// How many limb products [`multiply`] takes in column `k`.
#[inline(always)]
fn limb_products(k: usize) -> u64 {
    match k {
        0..5 => k as u64 + 1,
        5..9 => 9 - k as u64,
        _ => 0,
    }
}

/// How many limb products [`multiply_self`] takes in column `k`.
#[inline(always)]
fn limb_products_of_square(k: usize) -> u64 {
    limb_products(k).div_ceil(2)
}

impl Field {
    /// Reduces limbs of magnitude up to `2^52`: what is rounded away from them, -2 to 2 times
    /// `2^51`, goes to the next.
    #[inline(always)]
    fn carried(&self, limbs: [Doubles; 5]) -> Self {
        let carry: [Doubles; 5] = per_limb!(k => {
            let high = limbs[k].same(HIGH);
            limbs[k].add(high).sub(high)
        });
        let limbs = per_limb!(k => {
            let weight = limbs[k].same(FROM_ABOVE[k] / TWO_51);
            carry[(k + 4) % 5].mul_add(weight, limbs[k].sub(carry[k]))
        });
        Field { limbs, ..*self }.checked()
    }

    /// `x = self + p` in positive integer limbs, and `q`, which is 1 if `x >= p` and 0 if not.
    ///
    /// The magnitude of a reduced value is below `p`, so `x` lies between 0 and `2 p`; and `x >= p`
    /// just if `x + 19 >= 2^255`, which is what comes out of the last limb when 19 is carried
    /// through.
    #[inline(always)]
    fn plus_p(&self) -> ([Integers; 5], Integers) {
        let x: [Integers; 5] = per_limb!(k => {
            let p = if k == 0 { LIMB_MASK - 18 } else { LIMB_MASK };
            let bits = self.limbs[k].add(self.limbs[k].same(LOW)).bits();
            bits.add(bits.same(p.wrapping_sub(LOW.to_bits())))
        });
        let mut carry = x[0].same(19);
        for limb in x {
            carry = limb.add(carry).shr::<{ LIMB_BITS as i32 }>();
        }
        (x, carry)
    }

    /// In debug builds, sees that the value is reduced.
    #[inline(always)]
    fn checked(self) -> Self {
        if cfg!(debug_assertions) {
            for limb in self.limbs.iter().flat_map(|limb| limb.to_array()) {
                assert!(limb.abs() <= BOUND && limb.trunc() == limb, "limb {limb} out of bounds");
            }
        }
        self
    }
}

const TWO_50: f64 = (1u64 << 50) as f64;
const TWO_51: f64 = (1u64 << 51) as f64;
const TWO_52: f64 = (1u64 << 52) as f64;

/// `1.5 * 2^103`: rounds a product to a multiple of `2^51`.
const HIGH: f64 = 1.5 * TWO_52 * TWO_51;
/// `1.5 * 2^52`: makes the bits of a whole number those of an integer.
const LOW: f64 = 1.5 * TWO_52;

/// What a carry into each limb counts: `2^255` is 19.
const FROM_ABOVE: [f64; 5] = [19.0, 1.0, 1.0, 1.0, 1.0];

/// The largest magnitude of a reduced limb.
const BOUND: f64 = TWO_50 + 8192.0;
/// Columns are below this when they are carried.
const COLUMN_BOUND: u64 = 1 << 59;
/// `2^50`, so that limbs come out balanced, and `2^61`, so that the shift sees no sign.
const CARRY_BIAS: u64 = (1 << 50) + (1 << 61);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Backend;
    use crate::group::backend::lanes::oracle::{self, Known, Residue, TestRng};

    /// Limbs at the bounds, at the edge of a carry, and next to them.
    const EDGES: [f64; 11] = [
        BOUND,
        BOUND - 1.0,
        TWO_50 + 1.0,
        TWO_50,
        TWO_50 - 1.0,
        1.0,
        0.0,
        -1.0,
        -TWO_50,
        1.0 - BOUND,
        -BOUND,
    ];

    fn known(cpu: Cpu, lanes: [[f64; 5]; 4]) -> Known<Field> {
        let [a, b, c, d] = lanes;
        let bits = |k: usize| [a[k], b[k], c[k], d[k]].map(f64::to_bits);
        let limbs = per_limb!(k => Integers::new(cpu, bits(k)).doubles());
        let mut residues = [Residue::ZERO; 8];
        for (residue, lane) in residues.iter_mut().zip(lanes) {
            *residue = Residue::from_limbs(lane.map(|limb| limb as i64));
        }
        Known { lanes: Field { limbs, cpu }.checked(), residues }
    }

    /// The backend's proof, unless the CPU lacks the instructions.
    fn cpu() -> Option<Cpu> {
        Backend::by_name_or_skip("avx2").and_then(|_| Cpu::detect())
    }

    /// A bound that is wrong by one shows at limbs that are all extreme, and hardly elsewhere.
    #[test]
    fn operations_are_right_where_all_limbs_are_extreme() {
        let Some(cpu) = cpu() else { return };
        let all = EDGES.map(|edge| known(cpu, [[edge; 5]; 4]));
        for a in all {
            for b in all {
                for c in [all[0], all[3], all[10]] {
                    oracle::check_operations(a, b, c);
                }
            }
        }
    }

    #[test]
    fn operations_are_right_where_limbs_are_extreme_by_chance() {
        let Some(cpu) = cpu() else { return };
        let mut rng = TestRng(3);
        let mut next = || {
            let lanes = [[(); 5]; 4].map(|lane| lane.map(|()| rng.choose(&EDGES)));
            known(cpu, lanes)
        };
        for _ in 0..5000 {
            oracle::check_operations(next(), next(), next());
        }
    }

    #[test]
    fn numbers_enter_and_leave() {
        let Some(cpu) = cpu() else { return };
        oracle::check_entry(cpu);
        oracle::check_test_bits(cpu);
    }

    #[test]
    #[cfg(debug_assertions)]
    fn debug_builds_see_a_limb_out_of_bounds() {
        let Some(cpu) = cpu() else { return };
        let seen = std::panic::catch_unwind(|| known(cpu, [[BOUND + 1.0; 5]; 4]));
        assert!(seen.is_err(), "a limb out of bounds was not seen");
    }
}
