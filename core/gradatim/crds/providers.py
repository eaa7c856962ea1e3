"""`provider` of a metric: one block for each metric provider.

In: nothing. Out: the text of a table; `gradatim.model.podspec.table` says how to read it. `definitions.py` reads it.
Blocks of providers without an installed plugin are accepted too: `gradatim validate` says that nothing serves them.
"""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = """\
Provider
  prometheus *PrometheusMetric  # A query to Prometheus.
  kayenta    *KayentaMetric     # A judgement by Kayenta.
  web        *WebMetric         # A request to an address that answers JSON or text.
  datadog    *DatadogMetric     # A query to Datadog.
  wavefront  *WavefrontMetric   # A query to Wavefront.
  newRelic   *NewRelicMetric    # A query to New Relic.
  job        *JobMetric         # A Kubernetes Job; its success is the measurement.
  cloudWatch *CloudWatchMetric  # Queries to AWS CloudWatch.
  graphite   *GraphiteMetric    # A query to Graphite.
  influxdb   *InfluxdbMetric    # A query to InfluxDB.
  skywalking *SkyWalkingMetric  # A query to SkyWalking.
  plugin     object             # A provider from a plugin: the plugin's name, and its settings.
PrometheusMetric
  address        string                # Address of the server, such as http://prometheus:9090.
  query          string                # The PromQL query.
  authentication Authentication        # How to log in.
  timeout        *int64                # Seconds to wait for the answer. 30 if absent.
  insecure       bool                  # Whether to accept any certificate.
  caCert         string                # Certificates to trust beside the usual ones, in PEM.
  headers        []Header              # Headers of the request.
  rangeQuery     *PrometheusRangeQuery # Asks for a range of time instead of now.
PrometheusRangeQuery
  start string  # Expression for its start, such as now() - duration("10m").
  end   string  # Expression for its end.
  step  string  # Time between two points, such as 30s.
Header
  key   string required  # Name of the header.
  value string required  # Its value.
Authentication
  basicAuth BasicAuth     # Name and password.
  sigv4     Sigv4Config   # AWS Signature Version 4.
  oauth2    OAuth2Config  # OAuth2 client credentials.
BasicAuth
  username string  # Name.
  password string  # Password.
Sigv4Config
  region  string  # AWS region.
  profile string  # AWS profile.
  roleArn string  # ARN of the role to assume.
OAuth2Config
  tokenUrl     string    # Address that gives tokens.
  clientId     string    # The client's id.
  clientSecret string    # The client's secret.
  scopes       []string  # Scopes to ask for.
KayentaMetric
  address                  string required              # Address of Kayenta.
  application              string required              # Name of the application.
  canaryConfigName         string required              # Name of the canary configuration.
  metricsAccountName       string required              # Account for metrics.
  configurationAccountName string required              # Account for configurations.
  storageAccountName       string required              # Account for storage.
  threshold                KayentaThreshold required    # Scores that pass.
  scopes                   []KayentaScope required      # What is compared.
  lookback                 bool                         # Whether to compare from the start of the run on.
KayentaThreshold
  pass     int64 required  # From this score on a success.
  marginal int64 required  # From this score on inconclusive.
KayentaScope
  name            string required       # Name of the scope.
  controlScope    ScopeDetail required  # The stable version.
  experimentScope ScopeDetail required  # The new version.
ScopeDetail
  scope  string required  # Name in the metrics store.
  region string required  # Region.
  step   int64 required   # Seconds between two points.
  start  string           # Start of the time.
  end    string           # End of the time.
WebMetric
  method         string          # GET, POST or PUT. GET if absent.
  url            string required # Address of the request.
  headers        []Header        # Headers of the request.
  body           string          # Body of the request.
  timeoutSeconds int64           # Seconds to wait for the answer. 10 if absent.
  jsonPath       string          # Which part of the answer is the result, such as {$.data.rate}.
  insecure       bool            # Whether to accept any certificate.
  jsonBody       object          # Body of the request, as JSON.
  authentication Authentication  # How to log in.
DatadogMetric
  interval       string default="5m"   # How far the query looks back.
  query          string                # The query.
  queries        {}string              # Several queries, by name.
  formula        string                # How the queries make one number.
  apiVersion     string default="v1" enum=v1|v2  # Version of Datadog's API.
  aggregator     string enum=avg|min|max|sum|last|percentile|mean|l2norm|area  # How points become one number.
  secretRef      SecretRef             # Secret with api-key, app-key and, if it is not the usual one, address.
  requestTimeout string default="10s"  # How long to wait for the answer.
SecretRef
  name       string  # Name of the Secret.
  namespaced bool    # Whether it is in the run's namespace, and not in the controller's.
WavefrontMetric
  address string  # Address of Wavefront.
  query   string  # The query.
NewRelicMetric
  profile string           # Name of the Secret. newrelic if absent.
  query   string required  # The NRQL query.
  timeout *int64           # Seconds to wait for the answer. 5 if absent.
JobMetric
  metadata TemplateMetadata   # Labels and annotations of the Job.
  spec     JobSpec required   # The Job.
JobSpec
  parallelism             *int32
  completions             *int32
  activeDeadlineSeconds   *int64
  podFailurePolicy        *PodFailurePolicy
  successPolicy           *SuccessPolicy
  backoffLimit            *int32
  backoffLimitPerIndex    *int32
  maxFailedIndexes        *int32
  selector                *LabelSelector
  manualSelector          *bool
  template                PodTemplateSpec required
  ttlSecondsAfterFinished *int32
  completionMode          *string
  suspend                 *bool
  podReplacementPolicy    *string
  managedBy               *string
PodFailurePolicy
  rules []PodFailurePolicyRule required atomic
PodFailurePolicyRule
  action          string required
  onExitCodes     *PodFailureExitCodes
  onPodConditions []PodFailureCondition atomic
PodFailureExitCodes
  containerName *string
  operator      string required
  values        []int32 required set
PodFailureCondition
  type   string required
  status string required
SuccessPolicy
  rules []SuccessPolicyRule required atomic
SuccessPolicyRule
  succeededIndexes *string
  succeededCount   *int32
CloudWatchMetric
  interval          string                      # How far the queries look back. 5m if absent.
  metricDataQueries []CloudWatchQuery required  # The queries.
CloudWatchQuery
  id         string             # Name of the query.
  expression string             # Metrics Insights query, or maths over other queries.
  label      string             # Label of the result.
  metricStat *CloudWatchStat    # The metric to read.
  period     *int-or-string     # Seconds that one point stands for.
  returnData *bool              # Whether it is part of the result.
CloudWatchStat
  metric CloudWatchStatMetric  # The metric.
  period int-or-string         # Seconds that one point stands for.
  stat   string                # Statistic, such as Sum or p90.
  unit   string                # Unit, such as Count.
CloudWatchStatMetric
  dimensions []CloudWatchDimension  # What tells it from others of its name.
  metricName string                 # Its name.
  namespace  *string                # Its namespace.
CloudWatchDimension
  name  string  # Name of the dimension.
  value string  # Its value.
GraphiteMetric
  address string  # Address of Graphite.
  query   string  # The query.
InfluxdbMetric
  profile string  # Name of the Secret. influxdb if absent.
  query   string  # The Flux query.
SkyWalkingMetric
  address  string  # Address of SkyWalking.
  query    string  # The GraphQL query.
  interval string  # How far the query looks back.
"""
