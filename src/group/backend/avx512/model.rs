//! The instructions as the manual describes them, one word at a time: for tests on any machine.

use super::words::Words;
use crate::group::backend::lanes::{self, LaneMask, PerLane};

/// Proof of nothing: the model runs everywhere.
#[derive(Clone, Copy)]
pub(super) struct Cpu;

#[derive(Clone, Copy)]
pub(super) struct Model([u64; 8]);

#[derive(Clone, Copy)]
pub(super) struct ModelMask([bool; 8]);

impl lanes::Cpu for Cpu {
    type Field = super::field::Field<Model>;

    const LANES: usize = 8;

    fn run<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    fn outlined<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// Intel 64 and IA-32 Architectures Software Developer's Manual, VPMADD52LUQ and VPMADD52HUQ:
/// `temp128 = zero_extend(src2[51:0]) * zero_extend(src3[51:0])`.
fn product_52(a: u64, b: u64) -> u128 {
    let low_52 = |x: u64| u128::from(x & ((1 << 52) - 1));
    low_52(a) * low_52(b)
}

impl Model {
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Model(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Words for Model {
    type Cpu = Cpu;
    type Mask = ModelMask;

    fn new(_: Cpu, words: [u64; 8]) -> Self {
        Model(words)
    }

    fn from_bytes(_: Cpu, bytes: &PerLane<u8>) -> Self {
        Model(bytes.map(u64::from))
    }

    fn same(self, value: u64) -> Self {
        Model([value; 8])
    }

    fn to_array(self) -> [u64; 8] {
        self.0
    }

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    fn sub(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    fn double(self) -> Self {
        self.add(self)
    }

    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    fn times_19(self) -> Self {
        Model(self.0.map(|word| word.wrapping_mul(19)))
    }

    fn shr<const N: u32>(self) -> Self {
        Model(self.0.map(|word| word >> N))
    }

    fn mul_add_low(self, a: Self, b: Self) -> Self {
        self.add(a.zip(b, |a, b| product_52(a, b) as u64 & ((1 << 52) - 1)))
    }

    fn mul_add_high(self, a: Self, b: Self) -> Self {
        self.add(a.zip(b, |a, b| (product_52(a, b) >> 52) as u64))
    }

    fn select(no: Self, yes: Self, mask: ModelMask) -> Self {
        Model(std::array::from_fn(|i| if mask.0[i] { yes.0[i] } else { no.0[i] }))
    }

    fn lookup(self, table: Self) -> Self {
        Model(self.0.map(|place| table.0[place as usize & 7]))
    }

    fn is_zero(self) -> ModelMask {
        ModelMask(self.0.map(|word| word == 0))
    }

    fn cpu(self) -> Cpu {
        Cpu
    }
}

impl LaneMask for ModelMask {
    fn and(self, other: Self) -> Self {
        ModelMask(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    fn or(self, other: Self) -> Self {
        ModelMask(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    fn not(self) -> Self {
        ModelMask(self.0.map(|yes| !yes))
    }

    fn to_bits(self) -> u8 {
        self.0.iter().rev().fold(0, |bits, yes| bits << 1 | u8::from(*yes))
    }
}

mod tests {
    use super::super::words::Zmm;
    use super::*;
    use crate::group::backend::lanes::{Lanes, oracle::TestRng};
    use crate::group::backend::{operations::Operations, portable::Portable};
    use crate::group::scalar::{Keys, SecretScalar};
    use crate::group::{Backend, DomainTag, Encoding};

    /// Words where the instructions' corners are: around 0, `2^51`, `2^52` and `2^64`.
    fn word(rng: &mut TestRng) -> u64 {
        let edges = [0, 1, 1 << 51, 1 << 52, u64::MAX];
        let edge = rng.choose(&edges).wrapping_add(rng.next() % 5).wrapping_sub(2);
        let random = rng.next();
        rng.choose(&[edge, random])
    }

    /// Points and scalars through the whole curve on the model, against the reference.
    #[test]
    fn the_curve_is_right_on_the_model() {
        let keys: Vec<SecretScalar> = [1u8, 2, 17, 0xa5, 0xff, 0x10, 0x0f, 3, 9, 200, 77]
            .map(|byte| {
                let mut bytes = [byte; 32];
                bytes[31] = 7;
                SecretScalar::from_canonical_bytes(bytes).expect("below the group order")
            })
            .into();
        let messages: Vec<[u8; 1]> = (0..keys.len() as u8).map(|i| [i]).collect();
        let tag = DomainTag::new(b"blindmatch model test");
        for keys in [Keys::Each(&keys), Keys::Shared(&keys[3])] {
            let expected = hash_and_blind(Portable, &tag, &messages, keys);
            assert_eq!(hash_and_blind(Lanes(Cpu), &tag, &messages, keys), expected);
        }
    }

    /// Hashes and blinds, then blinds what came of it.
    fn hash_and_blind<O: Operations>(
        operations: O,
        tag: &DomainTag,
        messages: &[[u8; 1]],
        keys: Keys<'_>,
    ) -> [Vec<Encoding>; 2] {
        let mut points = vec![operations.identity(); messages.len().div_ceil(O::LANES)];
        let mut scratch = operations.scratch(points.len());
        let mut once = vec![Encoding::IDENTITY; messages.len()];
        let mut twice = once.clone();
        operations.hash(tag, messages, &mut points);
        operations.multiply(&mut points, keys);
        operations.encode_doubles(&points, &mut once, &mut scratch);
        operations.decode(&once, &mut points).expect("our own points");
        operations.multiply(&mut points, keys);
        operations.encode_doubles(&points, &mut twice, &mut scratch);
        [once, twice]
    }

    #[test]
    fn the_cpu_does_what_the_model_does() {
        if Backend::by_name_or_skip("avx512").is_none() {
            return;
        }
        let cpu = super::super::Cpu::detect().expect("the backend is there");
        let mut rng = TestRng(5);
        for _ in 0..20_000 {
            let [a, b, c] = [[(); 8]; 3].map(|words| words.map(|()| word(&mut rng)));
            let [x, y, z] = [a, b, c].map(|words| Zmm::new(cpu, words));
            let [p, q, r] = [a, b, c].map(Model);
            let same = |zmm: Zmm, model: Model| assert_eq!(zmm.to_array(), model.0);
            same(x.add(y), p.add(q));
            same(x.sub(y), p.sub(q));
            same(x.double(), p.double());
            same(x.and(y), p.and(q));
            same(x.or(y), p.or(q));
            same(x.times_19(), p.times_19());
            same(x.shr::<51>(), p.shr::<51>());
            same(x.mul_add_low(y, z), p.mul_add_low(q, r));
            same(x.mul_add_high(y, z), p.mul_add_high(q, r));
            same(x.same(a[0]), p.same(a[0]));
            same(x.lookup(y), p.lookup(q));
            let (zero_cpu, zero_model) = (x.and(y).is_zero(), p.and(q).is_zero());
            assert_eq!(zero_cpu.to_bits(), zero_model.to_bits());
            same(Zmm::select(x, y, zero_cpu), Model::select(p, q, zero_model));
            let bytes = a[0].to_le_bytes();
            same(Zmm::from_bytes(cpu, &bytes), Model::from_bytes(Cpu, &bytes));
        }
    }
}
