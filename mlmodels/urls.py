from django.urls import path

from mlmodels.views import (
    batches,
    datasets,
    exports,
    model_tabs,
    models,
    monitoring,
    predictions,
    runs,
    sharing,
    start,
    uploads,
    webhooks,
)

app_name = "mlmodels"

urlpatterns = [
    path("", start.start, name="start"),
    # /datasets/
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/samples/<slug:sample>/", datasets.add_sample, name="add-sample"),
    path("datasets/<uuid:uuid>/", datasets.dataset, name="dataset"),
    path("datasets/<uuid:uuid>/versions/", datasets.add_version, name="dataset-versions"),
    path("datasets/<uuid:uuid>/change/", datasets.change, name="dataset-change"),
    path("datasets/<uuid:uuid>/train/", datasets.train, name="train"),
    path("datasets/<uuid:uuid>/columns/<int:position>/", datasets.column, name="column"),
    path("datasets/<uuid:uuid>/delete/", datasets.delete, name="dataset-delete"),
    # /uploads/
    path("uploads/<uuid:uuid>/", uploads.upload, name="upload"),
    path("uploads/<uuid:uuid>/delete/", uploads.delete, name="upload-delete"),
    # /runs/
    path("runs/<uuid:uuid>/", runs.run, name="run"),
    path("runs/<uuid:uuid>/cancel/", runs.cancel, name="run-cancel"),
    # /models/
    path("models/", models.models, name="models"),
    path("models/compare/", models.compare, name="compare"),
    path("models/<str:name>/", model_tabs.predict_tab, name="model"),
    path("models/<str:name>/quality/", model_tabs.quality_tab, name="model-quality"),
    path("models/<str:name>/drivers/", model_tabs.drivers_tab, name="model-drivers"),
    path("models/<str:name>/code/", model_tabs.code_tab, name="model-code"),
    path("models/<str:name>/details/", model_tabs.details_tab, name="model-details"),
    path("models/<str:name>/monitoring/", monitoring.monitoring_tab, name="model-monitoring"),
    path("models/<str:name>/predictions.csv", monitoring.predictions_csv, name="model-predictions-csv"),
    path("models/<str:name>/actuals/", monitoring.actuals, name="model-actuals"),
    path("models/<str:name>/retrain/", monitoring.retrain, name="model-retrain"),
    path("models/<str:name>/promote/", monitoring.promote, name="model-promote"),
    path("models/<str:name>/names/remove/", monitoring.remove_alias, name="alias-remove"),
    path("models/<str:name>/predict/", model_tabs.predict, name="predict"),
    path("models/<str:name>/threshold/", model_tabs.threshold, name="model-threshold"),
    path("models/<str:name>/predict/<uuid:uuid>/vary/", model_tabs.vary, name="vary"),
    path("models/<str:name>/card/", exports.card, name="model-card"),
    path("models/<str:name>/card.<str:file_format>", exports.card_file, name="model-card-file"),
    path("models/<str:name>/download/<str:file_format>/", exports.model_file, name="model-file"),
    path("models/<str:name>/rename/", models.rename, name="model-rename"),
    path("models/<str:name>/delete/", models.delete, name="model-delete"),
    path("models/<str:name>/files/", batches.files, name="model-files"),
    # /batches/
    path("batches/", batches.predict_file, name="predict-file"),
    path("batches/<uuid:uuid>/", batches.batch, name="batch"),
    path("batches/<uuid:uuid>/start/", batches.start, name="batch-start"),
    path("batches/<uuid:uuid>/cancel/", batches.cancel, name="batch-cancel"),
    path("batches/<uuid:uuid>/delete/", batches.delete, name="batch-delete"),
    path("batches/<uuid:uuid>/answer.csv", batches.answer, name="batch-answer"),
    path("batches/<uuid:uuid>/unreadable.csv", batches.unreadable, name="batch-unreadable"),
    # /webhooks/
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<uuid:uuid>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:uuid>/test/", webhooks.test, name="webhook-test"),
    path("webhooks/<uuid:uuid>/delete/", webhooks.delete, name="webhook-delete"),
    path(
        "webhooks/<uuid:uuid>/deliveries/<uuid:delivery>/again/",
        webhooks.send_again,
        name="webhook-send-again",
    ),
    # Sharing
    path("models/<str:name>/report/", sharing.report, name="model-report"),
    path("models/<str:name>/share/", sharing.share_tab, name="model-share"),
    path("models/<str:name>/share/account/", sharing.share, name="model-share-account"),
    path("models/<str:name>/share/link/", sharing.create_link, name="model-share-link"),
    path("models/<str:name>/share/account/<uuid:uuid>/revoke/", sharing.revoke_share, name="revoke-share"),
    path("models/<str:name>/share/link/<uuid:uuid>/revoke/", sharing.revoke_link, name="revoke-link"),
    path("shared/<uuid:uuid>/leave/", sharing.leave, name="leave-share"),
    path("reports/<str:token>/", sharing.shared_report, name="shared-report"),
    # /predictions/
    path("predictions/", predictions.predictions, name="predictions"),
    path("predictions/<uuid:uuid>/", predictions.prediction, name="prediction"),
    path("predictions/<uuid:uuid>/actual/", predictions.actual, name="prediction-actual"),
    path("predictions/<uuid:uuid>/delete/", predictions.delete, name="prediction-delete"),
]
