//! IAB Global Privacy Platform: opt-outs, and a TC string inside.
//!
//! The header is read here and the US sections (6 to 23) by the crate `iab_gpp`, one section at a
//! time. Section 2 is a TC string. Any other section (TCF v1, Canada, states that came later)
//! makes the string unreadable rather than ignored: it may hold a no.

use iab_gpp::sections as us;
use iab_gpp::sections::us_common::OptOut;

use super::bits::{Bits, UnreadableSignal};
use super::tcf::Tcf;

/// What a GPP string says, as far as the gate asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gpp {
    /// Opted out of sale, of sharing or of targeted advertising, or sent Global Privacy Control,
    /// in any section.
    pub opted_out: bool,
    /// The TC string in section 2.
    pub tcf: Option<Tcf>,
}

impl Gpp {
    /// Reads a GPP string; `vendor` as in [`Tcf::parse`].
    pub fn parse(text: &str, vendor: Option<u16>) -> Result<Gpp, UnreadableSignal> {
        let mut parts = text.trim().split('~');
        let header = parts.next().unwrap_or_default();
        let sections: Vec<&str> = parts.collect();
        let ids = section_ids(header, sections.len())?;
        let mut gpp = Gpp::default();
        for (id, section) in ids.into_iter().zip(sections) {
            match id {
                2 => gpp.tcf = Some(Tcf::parse(section, vendor)?),
                _ => gpp.opted_out |= us_opt_out(id, section)?,
            }
        }
        Ok(gpp)
    }

    /// A no in either is a no.
    pub(super) fn and(self, other: Gpp) -> Gpp {
        let tcf = match (self.tcf, other.tcf) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        Gpp { opted_out: self.opted_out || other.opted_out, tcf }
    }
}

/// The section numbers in the header, of which there must be as many as sections.
fn section_ids(header: &str, sections: usize) -> Result<Vec<u32>, UnreadableSignal> {
    let mut bits = Bits::new(header)?;
    if (bits.take(6)?, bits.take(6)?) != (3, 1) {
        return Err(UnreadableSignal);
    }
    let (mut ids, mut last) = (Vec::new(), 0u32);
    for _ in 0..bits.take(12)? {
        let is_group = bits.bit()?;
        let first = last.checked_add(bits.fibonacci()?).ok_or(UnreadableSignal)?;
        let more = if is_group { bits.fibonacci()? } else { 0 };
        last = first.checked_add(more).ok_or(UnreadableSignal)?;
        if more as usize >= sections || ids.len() + more as usize >= sections {
            return Err(UnreadableSignal);
        }
        ids.extend(first..=last);
    }
    if ids.len() == sections { Ok(ids) } else { Err(UnreadableSignal) }
}

/// Whether a US section holds an opt-out or Global Privacy Control.
fn us_opt_out(id: u32, text: &str) -> Result<bool, UnreadableSignal> {
    /// Whether one of these fields of the section's core is an opt-out, or its GPC segment is set.
    macro_rules! opted_out {
        ($section:ty: $($field:ident)+ $(; $gpc:ident)?) => {{
            let section: $section = text.parse().map_err(|_| UnreadableSignal)?;
            false $(|| section.core.$field == OptOut::OptedOut)+ $(|| section.$gpc == Some(true))?
        }};
    }
    /// As most states have it: sale and targeted advertising.
    macro_rules! state {
        ($section:ty) => {
            opted_out!($section: sale_opt_out targeted_advertising_opt_out; gpc)
        };
    }
    /// The states whose section has no segment for GPC.
    macro_rules! state_without_gpc {
        ($section:ty) => {
            opted_out!($section: sale_opt_out targeted_advertising_opt_out)
        };
    }
    if WITHOUT_SEGMENTS.contains(&id) && text.contains('.') {
        return Err(UnreadableSignal);
    }
    Ok(match id {
        6 => {
            let section: us::uspv1::UspV1 = text.parse().map_err(|_| UnreadableSignal)?;
            section.opt_out_sale == us::uspv1::Flag::Yes
        }
        7 => national_opt_out(text)?,
        8 => opted_out!(us::usca::UsCa: sale_opt_out sharing_opt_out; gpc),
        9 => state_without_gpc!(us::usva::UsVa),
        10 => state!(us::usco::UsCo),
        11 => state_without_gpc!(us::usut::UsUt),
        12 => state!(us::usct::UsCt),
        13 => state_without_gpc!(us::usfl::UsFl),
        14 => state!(us::usmt::UsMt),
        15 => state!(us::usor::UsOr),
        16 => state!(us::ustx::UsTx),
        17 => state!(us::usde::UsDe),
        18 => state!(us::usia::UsIa),
        19 => state!(us::usne::UsNe),
        20 => state!(us::usnh::UsNh),
        21 => state!(us::usnj::UsNj),
        22 => state!(us::ustn::UsTn),
        23 => state!(us::usmn::UsMn),
        _ => return Err(UnreadableSignal),
    })
}

fn national_opt_out(text: &str) -> Result<bool, UnreadableSignal> {
    let section: us::usnat::UsNat = text.parse().map_err(|_| UnreadableSignal)?;
    let fields = match &section.core {
        us::usnat::Core::V1(core) => {
            [&core.sale_opt_out, &core.sharing_opt_out, &core.targeted_advertising_opt_out]
        }
        us::usnat::Core::V2(core) => {
            [&core.sale_opt_out, &core.sharing_opt_out, &core.targeted_advertising_opt_out]
        }
        _ => return Err(UnreadableSignal),
    };
    Ok(section.gpc == Some(true) || fields.contains(&&OptOut::OptedOut))
}

/// Virginia, Utah and Florida: one segment only.
const WITHOUT_SEGMENTS: [u32; 3] = [9, 11, 13];

#[cfg(test)]
mod tests {
    use super::super::tcf::tests::{Writer, core};
    use super::*;

    /// A header that lists these sections, each by itself.
    fn header(ids: &[u32]) -> String {
        let start = Writer::default().put(3, 6).put(1, 6).put(ids.len() as u32, 12);
        let (writer, _) = ids
            .iter()
            .fold((start, 0), |(writer, last), id| (fibonacci(writer.put(0, 1), id - last), *id));
        writer.text()
    }

    fn fibonacci(mut writer: Writer, value: u32) -> Writer {
        let terms = [1, 2, 3, 5, 8, 13, 21];
        let (mut left, mut digits) = (value, Vec::new());
        for term in terms.iter().rev() {
            let taken = *term <= left;
            left -= if taken { *term } else { 0 };
            if taken || !digits.is_empty() {
                digits.push(u32::from(taken));
            }
        }
        for digit in digits.iter().rev().chain(&[1]) {
            writer = writer.put(*digit, 1);
        }
        writer
    }

    /// A US national section, version 1, with these opt-outs and GPC.
    fn national(sale: u32, sharing: u32, targeted: u32, gpc: bool) -> String {
        let core = Writer::default().put(1, 6).put(0, 12).put(sale, 2).put(sharing, 2);
        let core = core.put(targeted, 2).put(0, 24).put(0, 4).put(0, 2).put(2, 2).put(0, 4);
        let segment = Writer::default().put(1, 2).put(u32::from(gpc), 1);
        format!("{}.{}", core.text(), segment.text())
    }

    #[test]
    fn opt_outs_of_every_sort() {
        let opted_out = |section: String| {
            Gpp::parse(&format!("{}~{section}", header(&[7])), None).unwrap().opted_out
        };
        assert!(!opted_out(national(2, 2, 2, false)));
        assert!(!opted_out(national(0, 0, 0, false)));
        assert!(opted_out(national(1, 2, 2, false)));
        assert!(opted_out(national(2, 1, 2, false)));
        assert!(opted_out(national(2, 2, 1, false)));
        assert!(opted_out(national(2, 2, 2, true)));
    }

    #[test]
    fn several_sections() {
        let tcf = core(&[1, 3, 4], 7, None);
        let text = format!("{}~{tcf}~1YYN~{}", header(&[2, 6, 7]), national(2, 2, 2, false));
        let gpp = Gpp::parse(&text, Some(7)).unwrap();
        assert!(gpp.opted_out);
        assert!(gpp.tcf.unwrap().grants(Some(7)));
        let text = format!("{}~{tcf}~1YNN", header(&[2, 6]));
        assert!(!Gpp::parse(&text, Some(7)).unwrap().opted_out);
        // As published, but for padding.
        assert_eq!((header(&[6]).as_str(), header(&[2, 6]).as_str()), ("DBABT", "DBACNY"));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let canada = "DBABjw~BPXuQIAPXuQIAAfKABENB-CgAAAAAAAAAAAAAAAA.YAAAAAAAAAA~1YNN";
        let maryland = format!("{}~BVVVVVVVVWA", header(&[24]));
        for text in ["", "DBABTA", "DBABTA~", "DBABTA~1YNN~1YNN", "~1YNN", canada, &maryland] {
            assert!(Gpp::parse(text, None).is_err(), "{text}");
        }
    }
}
