from django.db import models


class ApiKey(models.Model):
    """A partner's key. The secret is kept as a hash; key_id is what logs show."""

    key_id = models.CharField(max_length=16, unique=True)
    owner = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "api_key"
