//! What daemons say of themselves at `/metrics`.

use std::{collections::BTreeMap, ops::Sub};

use devnet::network::Daemon;

/// All samples of some daemons at one moment, each summed over them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// What one of them says in `text`.
    pub(crate) fn read(text: &str) -> Self {
        let mut samples = Self::default();
        samples.add(text);
        samples
    }

    /// What they say now.
    pub(crate) async fn of(daemons: &[Daemon]) -> Result<Self, reqwest::Error> {
        let mut samples = Self::default();
        for daemon in daemons {
            let text = reqwest::get(format!("http://{}/metrics", daemon.telemetry)).await?.text().await?;
            samples.add(&text);
        }
        Ok(samples)
    }

    fn add(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            *self.0.entry(name.to_owned()).or_default() += value;
        }
    }

    /// The sum of all samples of a metric that have this among their labels.
    pub(crate) fn sum(&self, metric: &str, label: &str) -> f64 {
        let of_it = |name: &str| {
            name.split_once('{').map_or(name == metric, |(of, labels)| of == metric && labels.contains(label))
        };
        self.0.iter().filter(|(name, _)| of_it(name)).map(|(_, value)| value).sum()
    }
}

impl Sub for &Samples {
    type Output = Samples;

    /// What was added since `earlier`.
    fn sub(self, earlier: &Samples) -> Samples {
        let before = |name: &String| earlier.0.get(name).copied().unwrap_or_default();
        Samples(self.0.iter().map(|(name, value)| (name.clone(), value - before(name))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_metric_and_label_and_subtracted() {
        let earlier = Samples::read("# HELP a\na{chain=\"1\",stage=\"watch\"} 1\n");
        let later = Samples::read(
            "a{chain=\"1\",stage=\"watch\"} 3.5\na{chain=\"2\",stage=\"watch\"} 2\na{chain=\"2\",stage=\"index\"} 9\nab 100\nb 7\n",
        );
        let since = &later - &earlier;
        assert_eq!((since.sum("a", "stage=\"watch\""), since.sum("a", ""), since.sum("b", "")), (4.5, 13.5, 7.0));
    }
}
