//! Exponent ElGamal: `(r G, r K + v G)` encrypts the value `v` under the public key `K = k G`, and the
//! sum of two ciphertexts encrypts the sum of their values (ElGamal 1984; Cramer, Gennaro,
//! Schoenmakers 1997).

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::*;
use crate::error::PeerFault;
use crate::group::{FixedPoint, InvalidPoint, Points, SecretScalar};
use crate::proof::{encode, vartime_decode};

/// Both halves of an encrypted value.
pub(super) type Ciphertext = [Encoding; 2];

/// The side that encrypts, and that alone can decrypt.
pub(super) struct Owner {
    key: Key<role::Decrypt>,
    public: PublicKey,
    generator: FixedPoint,
}

impl Owner {
    /// With a fresh key.
    pub(super) fn new<R: CryptoRng>(engine: &Engine, rng: &mut R) -> Owner {
        let key = Key::fresh(rng);
        let generator = engine.fix(&Encoding::GENERATOR).expect("the generator is a point");
        Owner { public: key.public(engine), key, generator }
    }

    /// The public key, and a proof that we have its private half.
    pub(super) fn introduction<R: CryptoRng>(&self, context: &[u8; 32], rng: &mut R) -> Proven {
        let proof = KeyProof::prove(&self.key, &self.public, context, rng).to_bytes();
        Proven { point: self.public.0, proof }
    }

    /// Encrypts a run of values. Two multiples of the generator each: whoever has `k` computes
    /// `r K + v G` as `(r k + v) G`. Constant time.
    pub(super) fn encrypt<R: CryptoRng>(
        &self,
        engine: &Engine,
        values: &[u64],
        rng: &mut R,
    ) -> Vec<Ciphertext> {
        let nonces: Vec<SecretScalar> = values.iter().map(|_| SecretScalar::random(rng)).collect();
        let sums = SecretScalar::multiply_add_all(&nonces, self.key.scalar(), values);
        let [first, second] = [nonces, sums].map(|scalars| {
            let mut encodings = vec![Encoding::default(); scalars.len()];
            engine.encode(&engine.multiply_fixed(&self.generator, &scalars), &mut encodings);
            encodings
        });
        first.into_iter().zip(second).map(Ciphertext::from).collect()
    }

    /// `t G` of an encrypted total. `None` where it is no ciphertext.
    pub(super) fn decrypt(&self, total: &Ciphertext) -> Option<RistrettoPoint> {
        let [first, second] = total.each_ref().map(vartime_decode);
        Some(second? - first? * *self.key.scalar().value())
    }

    /// What decrypts the ciphertext with this first half: `k` times it, and a proof that it is. `None`
    /// where it is no element.
    pub(super) fn share<R: CryptoRng>(
        &self,
        engine: &Engine,
        context: &[u8; 32],
        first: &Encoding,
        rng: &mut R,
    ) -> Option<Proven> {
        let point = encode(&(vartime_decode(first)? * *self.key.scalar().value()));
        let mut transcript = Transcript::new(context, &self.public).ok()?;
        let proof = transcript.prove(engine, &self.key, &[*first], &[point], rng).ok()?;
        Some(Proven { point, proof: proof.to_bytes() })
    }
}

/// The other side: adds what it cannot read.
pub(super) struct Adder {
    public: PublicKey,
    key: RistrettoPoint,
    sum: Option<[Points; 2]>,
    /// What [`add_in_vain`](Self::add_in_vain) adds to.
    vain: Option<[Points; 2]>,
}

impl Adder {
    /// For ciphertexts under a key whose owner proves to know its private half.
    pub(super) fn new(introduction: &Proven, context: &[u8; 32]) -> Result<Adder> {
        let public = PublicKey(introduction.point);
        let proof = KeyProof::from_bytes(&introduction.proof);
        let proof = proof.map_err(|_| PeerFault::BadKeyProof)?;
        proof.verify(&public, context).map_err(|_| PeerFault::BadKeyProof)?;
        let key = vartime_decode(&public.0).ok_or(PeerFault::BadKeyProof)?;
        Ok(Adder { public, key, sum: None, vain: None })
    }

    /// Whether all of a run are ciphertexts: asked of all before anything is compared, so that what
    /// became of a bad one says nothing about matches.
    pub(super) fn check(engine: &Engine, run: &[Ciphertext]) -> Result<(), InvalidPoint> {
        halves(run).iter().try_for_each(|half| engine.decode(half).map(|_| ()))
    }

    /// Adds a run that was checked.
    pub(super) fn add(&mut self, engine: &Engine, run: &[Ciphertext]) -> Result<(), InvalidPoint> {
        add(engine, &mut self.sum, run)
    }

    /// The same work to no effect, so that it takes no longer where more is added.
    pub(super) fn add_in_vain(
        &mut self,
        engine: &Engine,
        run: &[Ciphertext],
    ) -> Result<(), InvalidPoint> {
        add(engine, &mut self.vain, run)
    }

    /// The sum and a number, made afresh: nothing connects it with what was added. Constant time in the
    /// number.
    pub(super) fn finish<R: CryptoRng>(
        &mut self,
        engine: &Engine,
        number: i64,
        rng: &mut R,
    ) -> Ciphertext {
        let sum = self.sum.take().map(|sum| {
            sum.map(|half| {
                let mut encoding = [Encoding::IDENTITY];
                engine.encode(&half, &mut encoding);
                let point = CompressedRistretto(encoding[0].0).decompress();
                point.expect("a sum of points is a point")
            })
        });
        let [first, second] = sum.unwrap_or_default();
        let fresh = SecretScalar::random(rng).value();
        let second = second + RistrettoPoint::mul_base(&signed(number));
        [first + RistrettoPoint::mul_base(&fresh), second + self.key * *fresh]
            .each_ref()
            .map(encode)
    }

    /// `t G`, with the owner's share of the decryption.
    pub(super) fn open(
        &self,
        engine: &Engine,
        context: &[u8; 32],
        total: &Ciphertext,
        share: &Proven,
    ) -> Result<RistrettoPoint> {
        let bad = PeerFault::BadProof { position: 0, count: 1 };
        let proof = BatchProof::from_bytes(&share.proof).map_err(|_| bad.clone())?;
        let transcript = Transcript::new(context, &self.public);
        let mut transcript = transcript.map_err(|_| PeerFault::BadKeyProof)?;
        let checked = transcript.check(engine, &[total[0]], &[share.point], &proof);
        checked.map_err(|_| bad.clone())?;
        let point = |encoding: &Encoding| CompressedRistretto(encoding.0).decompress();
        match (point(&total[1]), point(&share.point)) {
            (Some(second), Some(share)) => Ok(second - share),
            _ => Err(bad.into()),
        }
    }
}

fn add(
    engine: &Engine,
    sum: &mut Option<[Points; 2]>,
    run: &[Ciphertext],
) -> Result<(), InvalidPoint> {
    if run.is_empty() {
        return Ok(());
    }
    let [first, second] = halves(run);
    let mut run = [engine.decode(&first)?, engine.decode(&second)?];
    run.iter_mut().for_each(|half| *half = engine.sum(half));
    match sum {
        None => *sum = Some(run),
        Some(sum) => sum.iter_mut().zip(&run).for_each(|(sum, half)| engine.add(sum, half)),
    }
    Ok(())
}

/// The scalar of a number, without a branch on its sign.
fn signed(number: i64) -> Zeroizing<Scalar> {
    const SHIFT: u64 = 1 << 63;
    let shifted = Zeroizing::new(Scalar::from((number as u64) ^ SHIFT));
    Zeroizing::new(*shifted - Scalar::from(SHIFT))
}

fn halves(run: &[Ciphertext]) -> [Vec<Encoding>; 2] {
    [0, 1].map(|half| run.iter().map(|ciphertext| ciphertext[half]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Backend, Parallelism};

    #[test]
    fn sums_of_ciphertexts_decrypt_to_sums_of_values() {
        let mut rng = rand::rng();
        for backend in Backend::available() {
            let engine = Engine::new(backend, Parallelism::Serial);
            let owner = Owner::new(&engine, &mut rng);
            let context = [7; 32];
            let introduction = owner.introduction(&context, &mut rng);
            assert!(Adder::new(&introduction, &[8; 32]).is_err());
            for values in
                [&[][..], &[0], &[5, 6], &[3; 3], &[7; 8], &[1, 0, 1000, 1 << 39, 77, 3, 2, 9, 4]]
            {
                let mut adder = Adder::new(&introduction, &context).unwrap();
                let run = owner.encrypt(&engine, values, &mut rng);
                Adder::check(&engine, &run).unwrap();
                for part in run.chunks(4) {
                    adder.add(&engine, part).unwrap();
                }
                adder.add_in_vain(&engine, &run).unwrap();
                let number = [0, 1, -1, i64::MIN, i64::MAX][values.len() % 5];
                let total = adder.finish(&engine, number, &mut rng);
                let more = Scalar::from(number.unsigned_abs());
                let more = if number < 0 { -more } else { more };
                let expected = Scalar::from(values.iter().sum::<u64>()) + more;
                let expected = RistrettoPoint::mul_base(&expected);
                assert_eq!(owner.decrypt(&total), Some(expected));
                let share = owner.share(&engine, &context, &total[0], &mut rng).unwrap();
                assert_eq!(adder.open(&engine, &context, &total, &share).unwrap(), expected);
                let wrong = Proven { point: Encoding::GENERATOR, ..share };
                assert!(adder.open(&engine, &context, &total, &wrong).is_err());
            }
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same() {
        let (engine, mut rng) = (Engine::detect(), rand::rng());
        let owner = Owner::new(&engine, &mut rng);
        let mut halves = owner.encrypt(&engine, &[3; 40], &mut rng).concat();
        let introduction = owner.introduction(&[0; 32], &mut rng);
        let mut adder = Adder::new(&introduction, &[0; 32]).unwrap();
        halves.extend((0..3).flat_map(|_| adder.finish(&engine, 0, &mut rng)));
        halves.sort_unstable();
        halves.dedup();
        assert_eq!(halves.len(), 86);
    }
}
