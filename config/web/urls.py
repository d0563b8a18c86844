"""Signing in and out, and one's own account."""

from django.contrib.auth import views as auth
from django.urls import path, reverse_lazy

from config.web import people, views
from config.web.signin import SignInForm

urlpatterns = [
    path("accounts/login/", auth.LoginView.as_view(form_class=SignInForm), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path(
        "accounts/password/",
        auth.PasswordChangeView.as_view(success_url=reverse_lazy("account")),
        name="password-change",
    ),
    path("accounts/me/", views.account, name="account"),
    path("accounts/me/token/", views.account_token, name="account-token"),
    path("accounts/people/", people.people, name="people"),
    path("accounts/people/<int:pk>/", people.person, name="person"),
    path("accounts/lists/<str:list_name>/", views.list_settings, name="list-settings"),
]
