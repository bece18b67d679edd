from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from .views import chat, dashboard, failures, files, live, notebook, pictures

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("live", live.live, name="live"),
    path("sse", live.sse, name="sse"),
    path("buffered", live.buffered, name="buffered"),
    path("chat", chat.chat, name="chat"),
    path("notebook", notebook.notebook, name="notebook"),
    path("pictures", pictures.pictures, name="pictures"),
    path("login", LoginView.as_view(template_name="sightings/login.html"), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("report.csv", files.report, name="report"),
    path("download", files.download, name="download"),
    path("fail/before", failures.before, name="fail-before"),
    path("fail/after", failures.after, name="fail-after"),
]
