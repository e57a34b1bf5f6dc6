from django.apps import apps
from django.urls import include, path

from .api import views
from .newsletter import unsubscribe

urlpatterns = [
    path("api/v1/customers/", views.customers),
    path("api/v1/customers/<int:customer_id>/", views.customer),
    path("api/v1/orders/", views.orders),
    path("api/v1/orders/<str:number>/", views.order),
    path("newsletter/unsubscribe/", unsubscribe),
    path("", include(apps.get_app_config("oscar").urls[0])),
]
