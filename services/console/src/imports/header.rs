//! The head of a file: which layout it has, and which columns are what.

use std::collections::BTreeMap;

use citytrack_domain::CameraName;

use super::{Rules, Step, count::shown};

/// Where things are in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) columns: Vec<String>,
    pub(super) time: TimeColumns,
    pub(super) counts: Layout,
}

/// The columns that tell the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeColumns {
    Time(usize),
    DateAndHour(usize, usize),
    Date(usize),
}

/// The columns that tell what was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A line has one count.
    Long {
        camera: usize,
        class: Option<usize>,
        count: usize,
    },
    /// Every further column is a camera.
    Wide(Vec<(usize, Camera)>),
}

/// A camera, as a file calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Camera {
    pub(super) name: CameraName,
    /// The text of the file, where it is not the name already.
    pub(super) title: Option<String>,
}

impl Camera {
    /// The name is the text with every run of other characters than `A-Z a-z 0-9 _ . -` as one `-`, and none at its ends.
    pub(super) fn called(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
        let parts: Vec<_> = text
            .split(|character| !is_allowed(character))
            .filter(|part| !part.is_empty())
            .collect();
        let name = parts.join("-");
        let name = CameraName::new(name.trim_matches('-'))
            .map_err(|error| format!("no name for a camera can be made of {}: it {error}", shown(text)))?;
        let title = (name.as_str() != text).then(|| text.to_owned());
        if title.as_ref().is_some_and(|title| title.chars().count() > 200) {
            return Err(format!("{} is too long for the title of a camera", shown(text)));
        }
        Ok(Self { name, title })
    }
}

impl Head {
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(columns: Vec<String>, rules: &Rules) -> Result<Self, String> {
        if let Some(unknown) = rules.ignore.iter().find(|name| !columns.contains(*name)) {
            return Err(format!("there is no column {} to ignore", shown(unknown)));
        }
        let find = |name: &str| {
            let is_it = |column: &String| column.eq_ignore_ascii_case(name) && !rules.ignore.contains(column);
            columns.iter().position(is_it)
        };
        let time = match (find("time"), find("date"), find("hour")) {
            (Some(time), None, None) => TimeColumns::Time(time),
            (None, Some(date), Some(hour)) => TimeColumns::DateAndHour(date, hour),
            (None, Some(date), None) if rules.step == Step::Day => TimeColumns::Date(date),
            (None, Some(_), None) => return Err("there is a column date, but none that is called hour".to_owned()),
            (None, None, _) => return Err("there is no column that is called time, or date".to_owned()),
            (Some(_), _, _) => {
                return Err("there is a column time and also date or hour; ignore one of them".to_owned());
            }
        };
        let times: &[usize] = match &time {
            TimeColumns::Time(time) | TimeColumns::Date(time) => &[*time],
            TimeColumns::DateAndHour(date, hour) => &[*date, *hour],
        };
        let further = || {
            let all = columns.iter().enumerate();
            all.filter(|(place, name)| !times.contains(place) && !rules.ignore.contains(*name))
        };
        let counts = match (find("camera"), find("count")) {
            (Some(camera), Some(count)) => {
                let class = find("class");
                let known = [Some(camera), Some(count), class];
                if let Some((_, name)) = further().find(|(place, _)| !known.contains(&Some(*place))) {
                    return Err(format!(
                        "the column {} is not known; ignore it if it is to be left out",
                        shown(name)
                    ));
                }
                Layout::Long { camera, class, count }
            }
            _ => Layout::Wide(cameras(further())?),
        };
        Ok(Self { columns, time, counts })
    }
}

fn cameras<'a>(columns: impl Iterator<Item = (usize, &'a String)>) -> Result<Vec<(usize, Camera)>, String> {
    let mut cameras = Vec::new();
    let mut texts: BTreeMap<CameraName, &String> = BTreeMap::new();
    for (place, text) in columns {
        if text.is_empty() {
            return Err(format!("column {} has no name", place + 1));
        }
        let camera = Camera::called(text)?;
        if let Some(other) = texts.insert(camera.name.clone(), text) {
            let name = &camera.name;
            return Err(format!(
                "the columns {} and {} are both the camera {name}",
                shown(other),
                shown(text)
            ));
        }
        cameras.push((place, camera));
    }
    if cameras.is_empty() {
        return Err("there is no column with counts".to_owned());
    }
    Ok(cameras)
}
