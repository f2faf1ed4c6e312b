//! Whether every tag of a page is closed where it was opened, and every attribute is quoted.

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "br", "hr", "img", "input"];

/// The first fault.
pub fn check(page: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    while let Some(start) = rest.find('<') {
        text(&rest[..start], open.last().copied())?;
        let tag = &rest[start + 1..];
        let end = end_of(tag).ok_or_else(|| format!("a tag without an end: {}", head(tag)))?;
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            let opened = open.pop();
            if opened != Some(name) {
                return Err(format!("</{name}> ends {opened:?} before {}", head(rest)));
            }
            continue;
        }
        let alone = inside.ends_with('/');
        let inside = inside.trim_end_matches('/');
        let (name, attributes) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("not a tag: {}", head(inside)));
        }
        check_attributes(attributes)?;
        if !alone && !VOID.contains(&name) {
            open.push(name);
        }
    }
    text(rest, open.last().copied())?;
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

/// Where a tag ends: at the first `>` outside quotes.
fn end_of(tag: &str) -> Option<usize> {
    let mut quoted = false;
    tag.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '>' && !quoted).then_some(at)
    })
}

fn check_attributes(mut rest: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    while !rest.trim().is_empty() {
        let (name, after) = rest.trim_start().split_once('=').ok_or(format!("bare: {rest}"))?;
        let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !named || name.is_empty() || seen.contains(&name) {
            return Err(format!("attribute {name:?}"));
        }
        seen.push(name);
        let value = after.strip_prefix('"').ok_or(format!("{name} without quotes"))?;
        let (value, after) = value.split_once('"').ok_or(format!("{name} without an end"))?;
        text(value, None)?;
        rest = after;
    }
    Ok(())
}

/// Every `&` begins a reference, and no `>` stands alone; styles may have both.
fn text(text: &str, within: Option<&str>) -> Result<(), String> {
    if within == Some("style") {
        return Ok(());
    }
    let bare = text.match_indices('&').find(|(at, _)| {
        let reference = text[at + 1..].split_once(';').map(|(name, _)| name).unwrap_or("");
        !["amp", "lt", "gt", "quot", "#39"].contains(&reference)
    });
    match bare {
        Some((at, _)) => Err(format!("a bare &: {}", head(&text[at..]))),
        None if text.contains('>') => Err(format!("a bare >: {}", head(text))),
        None => Ok(()),
    }
}

fn head(text: &str) -> String {
    text.chars().take(80).collect()
}

#[test]
fn faults_are_found() {
    check("<!DOCTYPE html><p class=\"a\">b<br> &amp; c</p>").unwrap();
    for bad in
        ["<p>", "<p></div>", "<p a=b></p>", "<p>&x</p>", "<p a=\"1\" a=\"2\"></p>", "<p", "a>b"]
    {
        assert!(check(&format!("<!DOCTYPE html>{bad}")).is_err(), "{bad}");
    }
}
