from django.urls import path

from mlmodels.api import classic

# The two services that this replaces, under /api/. What is asked most stands first.
urlpatterns = [
    path("predict/<str:model_name>", classic.PredictView.as_view(), name="predict"),
    path("predict", classic.PredictLastView.as_view(), name="predict-last"),
    path("train", classic.SearchView.as_view(), name="search"),
    path("status", classic.SearchStatusView.as_view(), name="search-status"),
    path("models", classic.ListAlgorithmsView.as_view(), name="algorithms"),
    path("create", classic.CreateModelView.as_view(), name="create-model"),
    path("trained", classic.ListTrainedView.as_view(), name="trained-models"),
    path("trained/<str:model_name>", classic.DescribeTrainedView.as_view(), name="trained-model"),
    path("delete/<str:model_name>", classic.DeleteTrainedView.as_view(), name="delete-model"),
]
