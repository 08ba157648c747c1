locals {
  release      = coalesce(var.release, "${path.module}/..")
  architecture = coalesce(var.architecture, "arm64")

  template  = "template-${local.architecture}.yaml"
  functions = { for name in ["completion", "reaper", "inspector"] : name => "functions/${local.architecture}/${name}.zip" }

  # A release has a folder of its own in the bucket, named by what is in it. So other code is another template, and
  # CloudFormation sees that there is something to do.
  hashes = [for file in concat([local.template], values(local.functions)) : filesha256("${local.release}/${file}")]
  folder = "${var.stack_name}/${substr(sha256(join("", local.hashes)), 0, 16)}"

  # null leaves a parameter to the template's default.
  parameters = {
    Clusters               = join(",", var.clusters)
    Families               = join(",", var.families)
    TargetGroupArns        = var.target_group_arns == null ? null : join(",", var.target_group_arns)
    IdentitySources        = var.identity_sources == null ? null : join(",", var.identity_sources)
    SessionContainer       = var.session_container
    ContainerPort          = var.container_port
    CompletePath           = var.complete_path
    ContainerAuthorization = var.container_authorization
    HealthPath             = var.health_path
    ArtifactBucket         = var.artifact_bucket
    ArtifactPrefix         = var.artifact_prefix
    ArtifactMarker         = var.artifact_marker
    ArtifactMode           = var.artifact_mode
    MarkerWrittenLast      = var.marker_written_last
    EventSource            = var.event_source
    EventBusName           = var.event_bus_name
    CompletionMode         = var.completion_mode
    MaxReceiveCount        = var.max_receive_count
    VisibilityFactor       = var.visibility_factor
    EventsWaitAtMost       = var.events_wait_at_most
    EndingTasksWaitAtMost  = var.ending_tasks_wait_at_most
    CleanupFailuresAtLeast = var.cleanup_failures_at_least
    FunctionTimeout        = var.function_timeout
    IdentifyTimeout        = var.identify_timeout
    UploadTimeout          = var.upload_timeout
    ConnectTimeout         = var.connect_timeout
    TargetTimeout          = var.target_timeout
    VerifyTimeout          = var.verify_timeout
    StopTimeout            = var.stop_timeout
    ReceiptTimeout         = var.receipt_timeout
    DeadlineMargin         = var.deadline_margin
    ReaperMode             = var.reaper_mode
    SweepEvery             = var.sweep_every
    SweepSchedule          = var.sweep_schedule
    SweepInterval          = var.sweep_interval
    ReaperTimeout          = var.reaper_timeout
    ProbeTimeout           = var.probe_timeout
    WarmPool               = var.warm_pool
    MaxSessionAge          = var.max_session_age
    HardAge                = var.hard_age
    LeaseGrace             = var.lease_grace
    StartUpGrace           = var.start_up_grace
    SalvageWindow          = var.salvage_window
    BlastRadiusAtLeast     = var.blast_radius_at_least
    BlastRadiusPercent     = var.blast_radius_percent
    RateSharePercent       = var.rate_share_percent
    Architecture           = var.architecture
    MemorySize             = var.memory_size
    ReaperMemorySize       = var.reaper_memory_size
    SubnetIds              = var.subnet_ids == null ? null : join(",", var.subnet_ids)
    SecurityGroupIds       = var.security_group_ids == null ? null : join(",", var.security_group_ids)
    PermissionsBoundaryArn = var.permissions_boundary_arn
    KmsKeyArn              = var.kms_key_arn
    ReceiptRetentionDays   = var.receipt_retention_days
    LogRetentionDays       = var.log_retention_days
    LogLevel               = var.log_level
    AlarmTopicArn          = var.alarm_topic_arn
    TicketTopicArn         = var.ticket_topic_arn
  }
}

data "aws_s3_bucket" "this" {
  bucket = var.bucket
}

resource "aws_s3_object" "function" {
  for_each = local.functions

  bucket      = var.bucket
  key         = "${local.folder}/${each.value}"
  source      = "${local.release}/${each.value}"
  source_hash = filesha256("${local.release}/${each.value}")

  # A stack whose update fails goes back to the code that it had.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "template" {
  bucket = var.bucket
  key    = "${local.folder}/${local.template}"

  content = replace(
    file("${local.release}/${local.template}"),
    "CodeUri: functions/",
    "CodeUri: s3://${var.bucket}/${local.folder}/functions/",
  )

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.this.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = { for name, value in local.parameters : name => value if value != null }

  # It has roles, and a transform.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  depends_on = [aws_s3_object.function]
}
