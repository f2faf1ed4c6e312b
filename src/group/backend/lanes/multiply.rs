//! Multiplication of variable points by secret scalars.
//!
//! Radix 16 with odd signed digits ([`Digits`]): 252 doublings and 63 additions from a table of eight
//! odd multiples of the point, after 1 doubling and 7 additions to make that. Every lane has a table
//! and digits of its own, so that a scalar per element costs what a shared one does.
//!
//! Constant time: which entry is taken is decided by masks, and every entry is read every time.
//!
//! A doubling and an addition are a function each, with all their products inside: called as
//! functions, those would pass their operands and results through memory.

use super::curve::{Cached, Curve, Extended, Factors};
use super::digits::{DIGITS, Digits, PLACE_BITS, SIGN_BIT};
use super::{Cpu, LaneField, PerLane};

/// `P, 3 P, 5 P, ..., 15 P`, for the point of every lane.
pub(super) struct Table<F>([Cached<F>; 8]);

impl<F: LaneField> Table<F> {
    #[inline(always)]
    pub(super) fn new(curve: &Curve<F>, point: &Extended<F>) -> Self {
        let twice = point.double().extended().cached(curve);
        let mut entries = [point.cached(curve); 8];
        let mut multiple = *point;
        for entry in &mut entries[1..] {
            multiple = multiple.add(&twice).extended();
            *entry = multiple.cached(curve);
        }
        Table(entries)
    }

    /// Overwrites the multiples, which are of a secret where the point is a hashed identifier.
    #[inline(always)]
    pub(super) fn wipe(&mut self, curve: &Curve<F>) {
        self.0 = [Extended::identity(curve).cached(curve); 8];
        // So that the compiler cannot tell that nobody reads it.
        std::hint::black_box(&self.0);
    }

    /// The multiple that the digit of each lane asks for.
    #[inline(always)]
    pub(super) fn lookup(&self, cpu: F::Cpu, digits: &PerLane<u8>) -> Cached<F> {
        let [bit_0, bit_1, bit_2] = PLACE_BITS;
        let bit_0 = F::test_bits(cpu, digits, bit_0);
        let bit_1 = F::test_bits(cpu, digits, bit_1);
        let bit_2 = F::test_bits(cpu, digits, bit_2);
        let [p1, p3, p5, p7, p9, p11, p13, p15] = &self.0;
        let low =
            Cached::select(&Cached::select(p1, p3, bit_0), &Cached::select(p5, p7, bit_0), bit_1);
        let high = Cached::select(
            &Cached::select(p9, p11, bit_0),
            &Cached::select(p13, p15, bit_0),
            bit_1,
        );
        let entry = Cached::select(&low, &high, bit_2);
        entry.negate_if(F::test_bits(cpu, digits, SIGN_BIT))
    }
}

/// `k P`, for the scalar and the point of every lane. Cost: 1330 products, 1012 squares.
#[inline(always)]
pub(super) fn multiply<F: LaneField>(
    curve: &Curve<F>,
    point: &Extended<F>,
    digits: &Digits,
) -> Extended<F> {
    let cpu = curve.cpu;
    let mut table = cpu.outlined(
        #[inline(always)]
        || Table::new(curve, point),
    );
    let (highest, others) = digits.high_to_low();
    let mut sum = table.lookup(cpu, highest).projective().double();
    let mut doublings = 3;
    for digits in others {
        for _ in 0..doublings {
            double(cpu, &mut sum);
        }
        add_multiple(cpu, &mut sum, &table, digits);
        doublings = 4;
    }
    table.wipe(curve);
    sum.extended()
}

/// Doubles `sum`. Cost: 3 products, 4 squares.
#[inline(always)]
pub(super) fn double<F: LaneField>(cpu: F::Cpu, sum: &mut Factors<F>) {
    cpu.outlined(
        #[inline(always)]
        || *sum = sum.projective().double(),
    );
}

/// Adds the multiple that the digit of each lane asks for to `sum`. Cost: 8 products.
#[inline(always)]
pub(super) fn add_multiple<F: LaneField>(
    cpu: F::Cpu,
    sum: &mut Factors<F>,
    table: &Table<F>,
    digits: &PerLane<u8>,
) {
    cpu.outlined(
        #[inline(always)]
        || *sum = sum.add(&table.lookup(cpu, digits)),
    );
}

const _: () = assert!(DIGITS == 64, "the cost above");
