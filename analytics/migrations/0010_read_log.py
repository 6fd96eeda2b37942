from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0009_imported'),
        ('tracker', '0011_site_retention'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReadLog',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('head', models.BinaryField()),
                ('tail', models.BinaryField()),
                ('offset', models.BigIntegerField()),
                ('lines', models.BigIntegerField()),
                ('read_at', models.DateTimeField()),
                ('site', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='read_logs', to='tracker.site')),
            ],
            options={
                'db_table': 'analytics_read_log',
                'constraints': [models.UniqueConstraint(fields=('site', 'head'), name='read_log_once')],
            },
        ),
    ]
