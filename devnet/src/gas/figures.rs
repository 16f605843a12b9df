//! Measured figures beside their limits.

use std::fmt::Write;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Gas.
    pub gas: u64,
    /// The most it may be; none where nothing is promised.
    pub limit: Option<u64>,
    /// Whether it is within the limit.
    pub met: bool,
}

/// All figures, in the order in which they were measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    figures: Vec<Figure>,
}

impl Figures {
    pub(super) fn add(&mut self, name: &str, gas: u64, limit: Option<u64>) {
        let met = limit.is_none_or(|limit| gas <= limit);
        self.figures.push(Figure { name: name.to_owned(), gas, limit, met });
    }

    /// All of them.
    pub fn all(&self) -> &[Figure] {
        &self.figures
    }

    /// Whether every limit is met.
    pub fn all_met(&self) -> bool {
        self.figures.iter().all(|figure| figure.met)
    }

    /// The figures as one JSON document.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// The figures for people.
    pub fn table(&self) -> String {
        let mut text = format!("{:<48} {:>12} {:>12}", "gas", "measured", "limit");
        for Figure { name, gas, limit, met } in &self.figures {
            let limit = limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
            let missed = if *met { "" } else { "  MISSED" };
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{name:<48} {gas:>12} {limit:>12}{missed}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_up_to_and_with_itself() {
        let mut figures = Figures::default();
        figures.add("free", 99, None);
        figures.add("at", 10, Some(10));
        assert!(figures.all_met());
        figures.add("above", 11, Some(10));
        assert!(!figures.all_met());
        assert!(figures.table().lines().last().is_some_and(|line| line.ends_with("MISSED")));
    }
}
