//! Figures of several runs in one cell.

/// Where there is no figure.
pub(super) const NONE: &str = "–";

/// The median, and the lowest and highest where they differ.
pub(super) fn cell(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (figures.first(), figures.last()) else {
        return NONE.to_owned();
    };
    let middle = middle_of(&figures);
    let (low, middle, high) = (shown(*low, middle), shown(middle, middle), shown(*high, middle));
    if low == high {
        middle
    } else {
        format!("{middle} ({low}–{high})")
    }
}

/// Three or more digits, all of a cell to the same place, with commas between thousands.
fn shown(figure: f64, scale: f64) -> String {
    let places = match scale {
        _ if scale.fract() == 0.0 && figure.fract() == 0.0 => 0,
        _ if scale >= 100.0 => 0,
        _ if scale >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{figure:.places$}");
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    rest.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}

/// Of at least one figure.
pub(super) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    (!figures.is_empty()).then(|| middle_of(&figures))
}

fn middle_of(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_show_median_and_spread() {
        assert_eq!(cell(vec![]), "–");
        assert_eq!(cell(vec![0.0, 0.0]), "0");
        assert_eq!(cell(vec![3.0, 1.0, 2.0]), "2 (1–3)");
        assert_eq!(cell(vec![12345.6, 12000.2, 1_234_567.8]), "12,346 (12,000–1,234,568)");
        assert_eq!(cell(vec![1.234, 5.678]), "3.46 (1.23–5.68)");
    }
}
