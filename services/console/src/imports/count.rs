//! A count, as files write it.

/// More than anybody counts in a day, and so few that sums of them always fit.
const MOST: i64 = 1_000_000_000;

/// `4`, `4.0` or nothing: no count, which is not the same as zero.
pub(super) fn count(cell: &str) -> Result<Option<i64>, String> {
    let text = cell.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (negative, whole) = match whole.strip_prefix('-') {
        Some(whole) => (true, whole),
        None => (false, whole),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(format!("{} is not a number", shown(text)));
    }
    if negative {
        return Err(format!("{} is negative", shown(text)));
    }
    if fraction.bytes().any(|byte| byte != b'0') {
        return Err(format!("{} is not a whole number", shown(text)));
    }
    match whole.parse() {
        Ok(count) if count <= MOST => Ok(Some(count)),
        _ => Err(format!("{} is more than {MOST}", shown(text))),
    }
}

/// A cell in a message, where a long one would bury the rest.
pub(super) fn shown(cell: &str) -> String {
    const LONGEST: usize = 80;
    if cell.chars().count() <= LONGEST {
        return format!("{cell:?}");
    }
    let start: String = cell.chars().take(LONGEST).collect();
    format!("{start:?}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_count_and_nothing_is_no_count() {
        for (cell, counted) in [
            ("0", 0),
            ("4", 4),
            ("4.0", 4),
            (" 17.000 ", 17),
            ("4.", 4),
            ("1000000000", MOST),
        ] {
            assert_eq!(count(cell), Ok(Some(counted)), "{cell:?}");
        }
        assert_eq!((count(""), count("  ")), (Ok(None), Ok(None)));
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        for (cell, reason) in [
            ("4.5", "\"4.5\" is not a whole number"),
            ("-4", "\"-4\" is negative"),
            ("-0.5", "\"-0.5\" is negative"),
            ("many", "\"many\" is not a number"),
            ("4,0", "\"4,0\" is not a number"),
            ("1e3", "\"1e3\" is not a number"),
            ("NaN", "\"NaN\" is not a number"),
            (".5", "\".5\" is not a number"),
            ("4.0.0", "\"4.0.0\" is not a number"),
            ("--4", "\"--4\" is not a number"),
            ("-", "\"-\" is not a number"),
            ("1000000001", "\"1000000001\" is more than 1000000000"),
            (
                "99999999999999999999",
                "\"99999999999999999999\" is more than 1000000000",
            ),
        ] {
            assert_eq!(count(cell), Err(reason.to_owned()), "{cell:?}");
        }
        let long = count(&"x".repeat(1_000)).unwrap_err();
        assert!(long.len() < 150, "{long}");
    }
}
