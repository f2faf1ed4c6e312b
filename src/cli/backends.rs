//! `--backend`: which instructions the group arithmetic uses.

use blindmatch::group::Backend;

/// Instructions that a backend needs, as Linux names them.
const NEEDS: [(&str, &[&str]); 3] = [
    ("portable", &[]),
    ("avx2", &["avx2", "fma"]),
    ("avx512", &["avx512f", "avx512dq", "avx512ifma"]),
];

/// The backend of this name, or why there is none.
pub fn parse(name: &str) -> Result<Backend, String> {
    Backend::by_name(name).ok_or_else(|| problem(name, cpu_has))
}

/// Why a backend cannot be used on a CPU of which `has` tells the instructions.
fn problem(name: &str, has: impl Fn(&str) -> bool) -> String {
    let Some((_, needs)) = NEEDS.iter().find(|(known, _)| *known == name) else {
        return format!("one of {}", Backend::NAMES.join(", "));
    };
    let lacks: Vec<&str> = needs.iter().copied().filter(|needed| !has(needed)).collect();
    format!("this CPU lacks {}", lacks.join(", "))
}

#[cfg(target_arch = "x86_64")]
fn cpu_has(instructions: &str) -> bool {
    match instructions {
        "avx2" => is_x86_feature_detected!("avx2"),
        "fma" => is_x86_feature_detected!("fma"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512dq" => is_x86_feature_detected!("avx512dq"),
        "avx512ifma" => is_x86_feature_detected!("avx512ifma"),
        _ => false,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_has(_: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_what_the_cpu_lacks() {
        let no_ifma = |instructions: &str| instructions != "avx512ifma";
        assert_eq!(problem("avx512", no_ifma), "this CPU lacks avx512ifma");
        assert_eq!(problem("avx2", |_| false), "this CPU lacks avx2, fma");
        assert_eq!(problem("abacus", |_| true), "one of portable, avx2, avx512");
    }

    /// What stands here is what the library asks for: a backend is there just where nothing lacks.
    #[test]
    fn needs_are_those_of_the_library() {
        assert_eq!(NEEDS.map(|(name, _)| name), Backend::NAMES);
        for (name, needs) in NEEDS {
            assert_eq!(parse(name).is_ok(), needs.iter().all(|needed| cpu_has(needed)), "{name}");
        }
    }
}
