//! IAB Transparency and Consent Framework: what a TC string grants.
//!
//! Only what the gate asks is read, straight from the core segment of a version 2 string (as TCF
//! v2.0 to v2.3 have it): the consent bits of purposes 1, 3 and 4, and for one vendor its consent
//! and the publisher's restrictions on it. Feature 1 (matching data from other sources) has no
//! consent bit; it falls under the purposes.

use super::bits::{Bits, UnreadableSignal};

/// What a TC string grants, as far as the gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcf {
    purposes: bool,
    vendor: Option<(u16, bool)>,
    /// It speaks for more than the identifier that it was put beside: it can deny, not grant.
    broad: bool,
}

impl Tcf {
    /// Reads a TC string; `vendor` is the global vendor list's number of the vendor whose consent
    /// is asked about, if one is.
    pub fn parse(text: &str, vendor: Option<u16>) -> Result<Tcf, UnreadableSignal> {
        let core = text.trim().split('.').next().unwrap_or_default();
        let mut bits = Bits::new(core)?;
        if bits.take(6)? != 2 {
            return Err(UnreadableSignal);
        }
        // Created, updated, CMP and its version, screen, language, vendor list version, policy
        // version, two flags, special features.
        bits.skip(36 + 36 + 12 + 12 + 6 + 12 + 12 + 6 + 2 + 12)?;
        let purposes = bits.take(24)?;
        // Legitimate interests, purpose one treatment, country.
        bits.skip(24 + 1 + 12)?;
        let wanted = vendor.map_or(0, u32::from);
        let granted = vendor_is_listed(&mut bits, wanted)?;
        vendor_is_listed(&mut bits, wanted)?; // legitimate interests
        let restricted = vendor_is_restricted(&mut bits, wanted)?;
        Ok(Tcf {
            purposes: purposes & PURPOSES == PURPOSES,
            vendor: vendor.map(|vendor| (vendor, granted && !restricted)),
            broad: false,
        })
    }

    /// Whether purposes 1, 3 and 4 have consent, and, where the policy names a vendor, that vendor.
    pub fn grants(&self, vendor: Option<u16>) -> bool {
        self.permits(vendor) && !self.broad
    }

    /// The same, whomever it speaks for: what does not permit denies.
    pub(super) fn permits(&self, vendor: Option<u16>) -> bool {
        self.purposes && vendor.is_none_or(|vendor| self.vendor == Some((vendor, true)))
    }

    /// A string that denies what this one denies, and grants nothing.
    pub(super) fn denying_alone(self) -> Tcf {
        Tcf { broad: true, ..self }
    }

    /// Both say yes.
    pub(super) fn and(self, other: Tcf) -> Tcf {
        let vendor = match (self.vendor, other.vendor) {
            (Some((a, yes)), Some((b, also))) if a == b => Some((a, yes && also)),
            _ => None,
        };
        let (purposes, broad) = (self.purposes && other.purposes, self.broad && other.broad);
        Tcf { purposes, vendor, broad }
    }
}

/// Reads a vendor section: a bit field or ranges. Vendor 0 does not exist.
fn vendor_is_listed(bits: &mut Bits<'_>, wanted: u32) -> Result<bool, UnreadableSignal> {
    let last = bits.take(16)?;
    if bits.bit()? {
        return ranges_hold(bits, wanted);
    }
    if wanted == 0 || wanted > last {
        return bits.skip(last as usize).map(|()| false);
    }
    bits.skip(wanted as usize - 1)?;
    let listed = bits.bit()?;
    bits.skip((last - wanted) as usize)?;
    Ok(listed)
}

fn ranges_hold(bits: &mut Bits<'_>, wanted: u32) -> Result<bool, UnreadableSignal> {
    let entries = bits.take(12)?;
    let mut hold = false;
    for _ in 0..entries {
        let is_range = bits.bit()?;
        let first = bits.take(16)?;
        let last = if is_range { bits.take(16)? } else { first };
        hold |= (first..=last).contains(&wanted);
    }
    Ok(hold)
}

/// Whether the publisher keeps the vendor from using consent for one of our purposes: restriction 0
/// forbids, 2 demands legitimate interest, 3 is undefined; 1 demands consent, which we have.
fn vendor_is_restricted(bits: &mut Bits<'_>, wanted: u32) -> Result<bool, UnreadableSignal> {
    let restrictions = bits.take(12)?;
    let mut restricted = false;
    for _ in 0..restrictions {
        let purpose = bits.take(6)?;
        let kind = bits.take(2)?;
        let concerned = ranges_hold(bits, wanted)? && wanted != 0;
        restricted |= concerned && kind != 1 && [1, 3, 4].contains(&purpose);
    }
    Ok(restricted)
}

/// Purposes 1, 3 and 4 in a field of 24 bits, of which the first is purpose 1.
const PURPOSES: u32 = 1 << 23 | 1 << 21 | 1 << 20;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Builds TC strings bit by bit.
    #[derive(Default)]
    pub(crate) struct Writer(Vec<bool>);

    impl Writer {
        pub(crate) fn put(mut self, value: u32, bits: usize) -> Self {
            self.0.extend((0..bits).rev().map(|i| value >> i.min(31) & 1 == 1 && i < 32));
            self
        }

        pub(crate) fn text(&self) -> String {
            const DIGITS: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let sextet = |bits: &[bool]| {
                (0..6).fold(0, |v, i| v << 1 | usize::from(bits.get(i) == Some(&true)))
            };
            self.0.chunks(6).map(|bits| char::from(DIGITS[sextet(bits)])).collect()
        }
    }

    /// A core segment with these purposes and this vendor; `restriction` is a purpose and a kind.
    pub(crate) fn core(purposes: &[u32], vendor: u32, restriction: Option<(u32, u32)>) -> String {
        let mask = purposes.iter().fold(0, |mask, p| mask | 1 << (24 - p));
        let head = Writer::default().put(2, 6).put(0, 72).put(1, 68).put(0, 6).put(mask, 24);
        let vendors =
            head.put(0, 37).put(vendor, 16).put(1, 1).put(1, 12).put(0, 1).put(vendor, 16);
        let vendors = vendors.put(0, 16).put(0, 1);
        match restriction {
            None => vendors.put(0, 12),
            Some((purpose, kind)) => {
                vendors.put(1, 12).put(purpose, 6).put(kind, 2).put(1, 12).put(0, 1).put(vendor, 16)
            }
        }
        .text()
    }

    #[test]
    fn purposes_one_three_and_four() {
        let grants =
            |purposes: &[u32]| Tcf::parse(&core(purposes, 7, None), None).unwrap().grants(None);
        assert!(grants(&[1, 3, 4]));
        assert!(grants(&[1, 2, 3, 4, 9]));
        assert!(!grants(&[1, 3]));
        assert!(!grants(&[3, 4]));
        assert!(!grants(&[]));
    }

    #[test]
    fn the_vendor_and_its_restrictions() {
        let of = |vendor, restriction| {
            let text = core(&[1, 3, 4], 7, restriction);
            Tcf::parse(&text, Some(vendor)).unwrap().grants(Some(vendor))
        };
        assert!(of(7, None));
        assert!(!of(8, None));
        assert!(!of(7, Some((3, 0))));
        assert!(of(7, Some((3, 1))));
        assert!(!of(7, Some((4, 2))));
        assert!(of(7, Some((9, 0))));
        let parsed_for_another = Tcf::parse(&core(&[1, 3, 4], 7, None), Some(7)).unwrap();
        assert!(!parsed_for_another.grants(Some(9)));
    }

    /// The same string through another reader.
    #[test]
    fn agrees_with_iab_gpp() {
        let text = "CPXuQIAPXuQIAAfKABENB-CgACAAAAAAAAYgF5wAQF5gAAAA.YAAAAAAAAAAA";
        let published = ["CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", text];
        let ours = [core(&[1, 3, 4], 7, None), core(&[1, 4], 755, None)];
        for text in published.iter().map(|text| (*text).to_owned()).chain(ours) {
            let theirs: iab_gpp::sections::tcfeuv2::TcfEuV2 = text.parse().unwrap();
            for vendor in [1, 7, 755] {
                let all = [1, 3, 4].iter().all(|p| theirs.core.purpose_consents.contains(p));
                let expected = all && theirs.core.vendor_consents.contains(&vendor);
                let tcf = Tcf::parse(&text, Some(vendor)).unwrap();
                assert_eq!(tcf.grants(Some(vendor)), expected, "{text} {vendor}");
            }
        }
    }

    #[test]
    fn cut_and_foreign_strings_are_errors() {
        let whole = core(&[1, 3, 4], 7, None);
        for end in 0..whole.len() - 2 {
            assert!(Tcf::parse(&whole[..end], None).is_err(), "cut at {end}");
        }
        for text in ["", "1YNN", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "C=", "granted"] {
            assert!(Tcf::parse(text, None).is_err(), "{text}");
        }
    }
}
