//! The lines that functions print, as CloudWatch Logs makes metrics of them: the
//! [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

use super::cloudwatch::{MetricId, Published};
use serde_json::Value;

impl Published {
    /// A line is printed. One with more than one dimension set, or another than the one dimension of all our alarms,
    /// is a mistake.
    ///
    /// # Panics
    /// Where it is not of the format.
    pub fn print(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).expect("a line of metrics is JSON");
        let at = line["_aws"]["Timestamp"].as_i64().expect("a time") / 1_000;
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
            let namespace = directive["Namespace"].as_str().expect("a namespace");
            let dimensions = directive["Dimensions"].as_array().expect("dimension sets");
            let [Value::Array(dimensions)] = &dimensions[..] else {
                panic!("the model knows one dimension set: {dimensions:?}")
            };
            let [dimension] = &dimensions[..] else {
                panic!("the model knows one dimension: {dimensions:?}")
            };
            let dimension = line[dimension.as_str().expect("a name")].as_str().expect("a value");
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = metric["Name"].as_str().expect("a name");
                let value = line[name].as_f64().expect("a number");
                let id: MetricId = (namespace.to_owned(), name.to_owned(), dimension.to_owned());
                self.add(id, at, value);
            }
        }
    }
}
