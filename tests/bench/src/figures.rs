//! What was measured, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// What it belongs to.
    section: &'static str,
    /// What was measured.
    what: String,
    value: f64,
    unit: &'static str,
    /// What stands beside it, measured in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    /// The most that it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
}

/// What a figure is to be seen beside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Beside {
    what: &'static str,
    value: f64,
    /// The figure is so many times that.
    ratio: f64,
}

impl Figure {
    pub(crate) fn new(section: &'static str, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { section, what: what.into(), value, unit, beside: None, limit: None }
    }

    /// Beside something of the same run.
    pub(crate) fn beside(self, what: &'static str, value: f64) -> Self {
        let ratio = self.value / value;
        Self { beside: Some(Beside { what, value, ratio }), ..self }
    }

    /// Beside the most that it may be.
    pub(crate) fn at_most(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn is_met(&self) -> bool {
        self.limit.is_none_or(|limit| self.value <= limit)
    }
}

/// All of them, in the order in which they were measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    figures: Vec<Figure>,
}

impl Figures {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Whether every limit is met.
    pub(crate) fn all_met(&self) -> bool {
        self.figures.iter().all(Figure::is_met)
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    pub(crate) fn table(&self) -> String {
        let (mut text, mut section) = (String::new(), "");
        // Writing to a string cannot fail.
        for figure in &self.figures {
            if figure.section != section {
                section = figure.section;
                let _ = writeln!(text, "\n{section}");
            }
            let _ = write!(text, "  {:<58} {:>12} {:<18}", figure.what, number(figure.value), figure.unit);
            if let Some(Beside { what, value, ratio }) = &figure.beside {
                let _ = write!(text, " {what} {}, x {}", number(*value), number(*ratio));
            }
            if let Some(limit) = figure.limit {
                let missed = if figure.is_met() { "" } else { "  MISSED" };
                let comma = if figure.beside.is_some() { "," } else { "" };
                let _ = write!(text, "{comma} limit {}{missed}", number(limit));
            }
            let end = text.trim_end().len();
            text.truncate(end);
            text.push('\n');
        }
        text
    }
}

/// With as many decimals as say something.
fn number(value: f64) -> String {
    match value.abs() {
        all if all >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        all if all >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_up_to_and_with_itself_and_what_is_beside_limits_nothing() {
        let mut figures = Figures::default();
        figures.add(Figure::new("a", "at", 10.0, "gas").at_most(10.0));
        figures.add(Figure::new("a", "slower than the other", 10.0, "µs").beside("other", 1.0));
        assert!(figures.all_met());
        figures.add(Figure::new("b", "above", 10.5, "gas").at_most(10.0));
        assert!(!figures.all_met());
        assert!(figures.table().lines().last().is_some_and(|line| line.ends_with("limit 10  MISSED")));
    }
}
