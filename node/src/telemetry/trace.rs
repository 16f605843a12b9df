//! One trace from an origin's block to the payout: spans to and from the W3C trace context of an envelope.

use std::collections::HashMap;

use metalayer_proto::envelope::TraceContext;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Where `span` stands in its trace; `None` when traces are not exported.
pub fn context_of(span: &Span) -> Option<TraceContext> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    let mut take = |key| carrier.remove(key).unwrap_or_default();
    TraceContext::new(take(PARENT), take(STATE)).ok()
}

/// Makes `span` continue the trace that `context` stands in, if there is one.
pub fn continue_from(context: Option<&TraceContext>, span: &Span) {
    let Some(context) = context else { return };
    let carrier: HashMap<String, String> =
        [(PARENT.into(), context.traceparent().into()), (STATE.into(), context.tracestate().into())].into();
    // Fails only where traces are not exported or the span has begun to be: then there is nothing to continue.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_trace_goes_on_behind_an_envelope() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let sent = context_of(&tracing::info_span!("sent")).unwrap();
            let received = tracing::info_span!("received");
            continue_from(Some(&sent), &received);
            let onward = context_of(&received).unwrap();
            assert_eq!(trace_id(&onward), trace_id(&sent));
            assert_ne!(onward.traceparent(), sent.traceparent());
        });
    }

    #[test]
    fn without_a_subscriber_there_is_no_context() {
        assert_eq!(context_of(&Span::current()), None);
    }

    fn trace_id(context: &TraceContext) -> Option<&str> {
        context.traceparent().split('-').nth(1)
    }
}
