//! The wall clock, and times as text.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the generator measures real time from outside; nothing here is tested by a clock moved by hand"
)]
pub(crate) fn wall_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time as `2026-11-22T10:00:00.040Z`: how many bytes that is.
pub(crate) const TEXT_LENGTH: usize = 24;

/// Writes times as text. A hundred frames of a batch share a second or two, so the costly part, the date, is kept.
#[derive(Default)]
pub(crate) struct TimeText {
    second: i64,
    date: String,
}

impl TimeText {
    /// Writes `millis` since 1970 into `to`, which has [`TEXT_LENGTH`] bytes.
    pub(crate) fn write(&mut self, millis: i64, to: &mut [u8]) {
        let (second, millis) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        if self.date.is_empty() || second != self.second {
            let time = jiff::Timestamp::from_second(second).unwrap_or_default();
            self.date = time.strftime("%Y-%m-%dT%H:%M:%S.").to_string();
            self.second = second;
        }
        to[..20].copy_from_slice(self.date.as_bytes());
        for (byte, unit) in to[20..23].iter_mut().zip([100, 10, 1]) {
            *byte = digit(millis / unit);
        }
        to[23] = b'Z';
    }
}

/// The last decimal digit of `n` as a character.
fn digit(n: i64) -> u8 {
    b"0123456789"[usize::try_from(n.rem_euclid(10)).unwrap_or(0)]
}

/// Writes `n` right-aligned with leading zeros into all of `to`.
pub(crate) fn write_digits(mut n: i64, to: &mut [u8]) {
    for byte in to.iter_mut().rev() {
        *byte = digit(n);
        n /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let mut text = TimeText::default();
        let mut out = [0; TEXT_LENGTH];
        for millis in [
            0,
            1_709_210_096_789,
            1_709_210_096_790,
            1_767_225_599_999,
            1_767_225_600_000,
        ] {
            text.write(millis, &mut out);
            let read: jiff::Timestamp = std::str::from_utf8(&out).unwrap().parse().unwrap();
            assert_eq!(read.as_millisecond(), millis);
        }
    }

    #[test]
    fn digits_fill_the_field() {
        let mut out = *b"xxxxx";
        write_digits(420, &mut out);
        assert_eq!(&out, b"00420");
    }
}
